"""What a client can do with a task hub: start, look, tell, stop, clean up."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

from funchost.durable.backend import (
    Backend,
    ExecutionGone,
    InstanceExists,
    InstanceFilter,
    InstanceNotFound,
    InstancePage,
    InstanceRow,
    Message,
)
from funchost.durable.clock import Clock
from funchost.durable.entities import EntityId, is_entity, operation
from funchost.durable.errors import InvalidInstanceId, UnknownFunction
from funchost.durable.events import EventType, HistoryEvent, decode_events, format_time
from funchost.durable.orchestrations import OrchestrationWorker
from funchost.durable.registry import KnownFunctions
from funchost.durable.rewind_planner import RewindPlanner
from funchost.durable.starts import new_instance

# Both limits are the extension's (DurableClient.StartNewAsync).
_LONGEST_ID = 100
_FORBIDDEN = frozenset("/\\#?")
_PURGE_PAGE = 500


class TaskHubClient:
    """Every operation returns when what it did is stored."""

    def __init__(
        self,
        backend: Backend,
        worker: OrchestrationWorker,
        known: KnownFunctions,
        clock: Clock,
        *,
        replace_running: bool = False,
    ) -> None:
        self._backend, self._worker, self._known, self._clock = backend, worker, known, clock
        self._replace_running = replace_running

    async def start(
        self,
        name: str,
        instance_id: str | None = None,
        raw_input: str | None = None,
        *,
        version: str | None = None,
        trace_parent: str | None = None,
        start_at: datetime | None = None,
    ) -> str:
        """Start orchestrator `name`; `raw_input` is JSON text. Returns the instance id (32 hex digits when None).

        With `start_at` it is pending until then.

        Raises UnknownFunction, InvalidInstanceId, InstanceExists.
        """
        if name not in self._known.orchestrators:
            raise UnknownFunction(name, "orchestrator", list(self._known.orchestrators))
        new_id = _checked(instance_id) if instance_id else uuid4().hex
        new = new_instance(
            new_id,
            name,
            raw_input,
            self._clock.now(),
            version=version or self._known.default_version,
            trace_parent=trace_parent,
            start_at=start_at,
        )
        start = await self._backend.create(new, replace_running=self._replace_running)
        self._worker.begin(new, start)
        return new_id

    async def restart(self, instance_id: str, *, with_new_id: bool = True) -> str:
        """Start again with the same orchestrator and input. Raises InstanceNotFound, InstanceExists."""
        row = await self._existing(instance_id)
        return await self.start(row.name, None if with_new_id else instance_id, row.input)

    async def raise_event(self, instance_id: str, name: str, raw_value: str) -> None:
        """Send an external event; `raw_value` is JSON text. Raises InstanceNotFound, InstanceEnded."""
        await self._send(instance_id, EventType.EVENT_RAISED, Name=name, Input=raw_value)

    async def terminate(self, instance_id: str, reason: str | None) -> None:
        """End an orchestration at its next turn. Raises InstanceNotFound, InstanceEnded."""
        await self._send(instance_id, EventType.EXECUTION_TERMINATED, Input=reason, Result=_as_json(reason))

    async def suspend(self, instance_id: str, reason: str | None) -> None:
        """Stop taking messages, except to resume or terminate. Raises InstanceNotFound, InstanceEnded."""
        await self._send(instance_id, EventType.EXECUTION_SUSPENDED, Reason=reason)

    async def resume(self, instance_id: str, reason: str | None) -> None:
        """Take messages again. Raises InstanceNotFound, InstanceEnded."""
        await self._send(instance_id, EventType.EXECUTION_RESUMED, Reason=reason)

    async def rewind(self, instance_id: str, reason: str | None) -> None:
        """Let a failed orchestration go on before its failure, and the sub-orchestrations that it failed with.

        All of them or, when the host is killed meanwhile, none. Raises InstanceNotFound, NotFailed.
        """
        while True:
            planner = RewindPlanner(self._backend, reason, self._clock.now())
            await planner.add(instance_id)
            try:
                stored = await self._backend.rewind(planner.rewinding)
            except ExecutionGone:  # a sub-orchestration has ended meanwhile
                continue
            self._worker.go_on(planner.rewinding, stored)
            return

    async def get(self, instance_id: str) -> InstanceRow | None:
        """What is known of an instance; None when there is none."""
        return await self._backend.get(instance_id)

    async def history(self, instance_id: str) -> list[HistoryEvent]:
        """Every event of the current execution, oldest first; empty when there is no such instance."""
        snapshot = await self._backend.load(instance_id)
        return [event for chunk in (snapshot.chunks if snapshot else ()) for event in decode_events(chunk)]

    async def query(self, wanted: InstanceFilter, *, after: str = "", limit: int = 100) -> InstancePage:
        """A page of instances by id."""
        return await self._backend.query(wanted, after=after, limit=limit)

    async def purge(self, instance_id: str) -> int:
        """Delete an ended instance; 0 when it runs. Raises InstanceNotFound."""
        await self._existing(instance_id)
        return await self._purge([instance_id])

    async def purge_where(self, wanted: InstanceFilter) -> int:
        """Delete every ended instance that matches; returns how many."""
        deleted, after = 0, ""
        while True:
            page = await self._backend.query(wanted, after=after, limit=_PURGE_PAGE)
            deleted += await self._purge([row.instance_id for row in page.rows])
            if page.next_after is None:
                return deleted
            after = page.next_after

    async def signal_entity(self, entity: EntityId, name: str, raw_input: str | None) -> None:
        """Send an operation to an entity and wait for no answer. Raises UnknownFunction."""
        if entity.name.lower() not in self._known.entities:
            raise UnknownFunction(entity.name, "entity", list(self._known.entities))
        new = operation(entity.instance_id, name, raw_input, self._clock.now())
        try:
            stored = await self._backend.create(new)
        except InstanceExists:
            stored = await self._backend.send(new.start)
        self._worker.deliver(stored)

    async def read_entity(self, entity: EntityId) -> InstanceRow | None:
        """An entity's row, its state as `input`; None when it does not exist."""
        row = await self._backend.get(entity.instance_id)
        return row if row is not None and row.input is not None else None

    async def _purge(self, instance_ids: list[str]) -> int:
        deleted = await self._backend.purge(instance_ids)
        for instance_id in deleted:
            self._worker.forget(instance_id)
        return len(deleted)

    async def _existing(self, instance_id: str) -> InstanceRow:
        row = await self._backend.get(instance_id)
        if row is None:
            raise InstanceNotFound(instance_id)
        return row

    async def _send(self, instance_id: str, kind: EventType, **fields: Any) -> None:
        if is_entity(instance_id):
            raise InstanceNotFound(instance_id)
        event = HistoryEvent(kind, format_time(self._clock.now()), fields=fields)
        self._worker.deliver(await self._backend.send(Message(instance_id, event)))


def _as_json(text: str | None) -> str | None:
    return None if text is None else json.dumps(text)


def _checked(instance_id: str) -> str:
    if instance_id.startswith("@"):
        raise InvalidInstanceId("Orchestration instance ids must not start with @.")
    if any(letter in _FORBIDDEN or not letter.isprintable() for letter in instance_id):
        raise InvalidInstanceId("Orchestration instance ids must not contain /, \\, #, ?, or control characters.")
    if len(instance_id) > _LONGEST_ID:
        raise InvalidInstanceId(f"Instance ID lengths must not exceed {_LONGEST_ID} characters.")
    return instance_id
