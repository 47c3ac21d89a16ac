"""Instances: accepted, started, read and steered."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from chassis.context import Principal, current
from chassis.errors import PlatformError
from chassis.http.idempotency import check_same_request, fingerprint, resource_id
from chassis.messaging.events import Event
from chassis.storage.rows import Row, RowChanged, RowExists
from chassis.work import WorkContext
from durable.workflow.dsl.definition import parse_frozen
from durable.workflow.expressions import Evaluator
from durable.workflow.instances import InstanceStore
from durable.workflow.models import CANCEL_EVENT, FINAL, MAX_PAYLOAD_BYTES, ORCHESTRATOR, Carried, Origin, StartInstance
from durable.workflow.sizes import json_bytes
from functions.workflow.definitions import Definitions, Frozen
from functions.workflow.errors import (
    InputInvalid,
    InputTooLarge,
    InstanceBrokenOff,
    InstanceEnded,
    InstanceNotFailed,
    InstanceNotFound,
    InstanceUndone,
)
from functions.workflow.paging import InstanceFilter, key_of, token_of
from functions.workflow.repository import StartStore
from functions.workflow.schemas import InstanceHead, InstancePage, InstanceRead, StartRequest

log = logging.getLogger(__name__)

START_GRACE = timedelta(seconds=10)
"""A start younger than this belongs to the request that makes it."""


class DurableClient(Protocol):
    """The part of the durable orchestration client that is used."""

    async def start_new(self, orchestration_function_name: str, instance_id: str, client_input: Any) -> str:
        """Start an instance."""

    async def get_status(self, instance_id: str) -> Any:
        """The durable status; its runtime_status is None for an unknown instance."""

    async def raise_event(self, instance_id: str, event_name: str, event_data: Any = None) -> None:
        """Raise an event. Raises an exception for an unknown or ended instance."""

    async def suspend(self, instance_id: str, reason: str) -> None:
        """Suspend."""

    async def resume(self, instance_id: str, reason: str) -> None:
        """Resume."""


class Instances:
    """The instances of all tenants; every method names the tenant it acts for."""

    def __init__(
        self, store: InstanceStore, starts: StartStore, definitions: Definitions, evaluator: Evaluator
    ) -> None:
        self._store = store
        self._starts = starts
        self._definitions = definitions
        self._evaluator = evaluator

    async def start(
        self, caller: Principal, request: StartRequest, key: str | None, client: DurableClient
    ) -> InstanceHead:
        """Accept an instance and start it. The same key and request give the instance they gave before.

        Once the instance is stored it is never lost: what a crash keeps from starting, `recover` starts.
        Raises DefinitionNotFound, InputTooLarge, InputInvalid, KeyReused.
        """
        return await self.begin(caller, request, resource_id(caller.tenant, "workflow.start", key), client)

    async def begin(
        self,
        caller: Principal,
        request: StartRequest,
        instance_id: str,
        client: DurableClient,
        origin: Origin | None = None,
    ) -> InstanceHead:
        """The same for a given id, which is that of an instance with the same request or of none."""
        definition = await self._definitions.frozen(caller.tenant, request.namespace, request.name, request.version)
        self._check_input(definition, request.input)
        await self._starts.add(caller.tenant, instance_id)
        try:
            values = _new_row(caller, definition, request, instance_id, origin)
            row = await self._store.add(caller.tenant, instance_id, values, request.input)
        except RowExists:
            there = await self._row(caller.tenant, instance_id)
            check_same_request(there["fingerprint"], fingerprint(request.model_dump(mode="json")))
            return await self._ensure_started(caller.tenant, instance_id, client)
        start = _start_input(definition, row, instance_id, request.input, None)
        await client.start_new(ORCHESTRATOR, instance_id, start)
        self._starts.done(caller.tenant, instance_id)
        return _head(row, suspended=False)

    async def read(self, tenant: str, instance_id: str) -> InstanceRead:
        """An instance with all its tasks. Raises InstanceNotFound."""
        row = await self._row(tenant, instance_id)
        head = _head(row, suspended=await self._store.suspended(tenant, instance_id))
        return InstanceRead(
            **head.model_dump(by_alias=False),
            input=await self._store.value(row, "input"),
            output=await self._store.value(row, "output"),
            error=await self._store.value(row, "error"),
            compensation=await self._store.value(row, "compensation") or [],
            parent=row.get("parent"),
            tasks=await self._store.tasks(tenant, instance_id),
        )

    async def page(self, tenant: str, wanted: InstanceFilter, token: str | None, limit: int) -> InstancePage:
        """The instances that fit, after the page that gave the token. Raises BadPageToken."""
        after, suspended = key_of(token), await self._store.all_suspended(tenant)
        if wanted.status == "suspended":
            rows = await self._suspended(tenant, wanted, sorted(suspended), after, limit)
        else:
            where, parameters = wanted.where()
            rows = await self._store.page(tenant, after=after, limit=limit, where=where, parameters=parameters)
        heads = [_head(row, suspended=row.key[2:] in suspended) for row in rows]
        return InstancePage(items=heads, next=token_of(heads[-1].id) if len(heads) == limit else None)

    async def _suspended(
        self, tenant: str, wanted: InstanceFilter, ids: list[str], after: str | None, limit: int
    ) -> list[Row]:
        """Which of the suspended instances fit: few enough to be read one by one."""
        rows: list[Row] = []
        for id in ids:
            if len(rows) < limit and (after is None or id > after):
                where, parameters = wanted.where()
                found = await self._store.exactly(tenant, id, where, parameters)
                rows += [row for row in found if row["status"] not in FINAL]
        return rows

    async def retry(self, tenant: str, instance_id: str, client: DurableClient) -> InstanceHead:
        """Let a faulted instance go on from the task that failed, with what came before it as it was.

        Raises InstanceNotFound, InstanceNotFailed, InstanceUndone, InstanceBrokenOff.
        """
        row = await self._row(tenant, instance_id)
        if row["status"] != "faulted":
            raise InstanceNotFailed(f"it is {row['status']}")
        if await self._store.value(row, "compensation"):
            raise InstanceUndone("its compensations have run; start another instance")
        if _carried(await client.get_status(instance_id)) is None:
            raise InstanceBrokenOff("it did not fail at a task; start another instance")
        await self._starts.add(tenant, instance_id)
        told = {name: row[name] for name in ("namespace", "name", "version")}
        event = Event("workflow.instance.retried", instance_id, {"id": instance_id, "definition": told})
        try:
            await self._store.reopen(row, event)
        except RowChanged:
            raise InstanceNotFailed("it was tried again meanwhile") from None
        return await self._ensure_started(tenant, instance_id, client)

    async def suspend(self, tenant: str, instance_id: str, client: DurableClient) -> InstanceHead:
        """Hold the instance where it is. Raises InstanceNotFound, InstanceEnded."""
        await self._running(tenant, instance_id, client)
        await client.suspend(instance_id, "asked for")
        row = await self._row(tenant, instance_id)
        await self._store.mark_suspended(tenant, row, _now(), suspended=True)
        return _head(row, suspended=True)

    async def resume(self, tenant: str, instance_id: str, client: DurableClient) -> InstanceHead:
        """Let a suspended instance go on. Raises InstanceNotFound, InstanceEnded."""
        await self._running(tenant, instance_id, client)
        await client.resume(instance_id, "asked for")
        row = await self._row(tenant, instance_id)
        await self._store.mark_suspended(tenant, row, _now(), suspended=False)
        return _head(row, suspended=False)

    async def cancel(self, tenant: str, instance_id: str, client: DurableClient) -> InstanceHead:
        """Ask the instance to stop and undo what it made; it ends as cancelled soon after.

        Raises InstanceNotFound, InstanceEnded.
        """
        await self._running(tenant, instance_id, client)
        if await self._store.suspended(tenant, instance_id):
            await self.resume(tenant, instance_id, client)
        await self._store.mark_cancelling(tenant, instance_id)
        await client.raise_event(instance_id, CANCEL_EVENT, {})
        return _head(await self._row(tenant, instance_id), suspended=False)

    async def recover(self, client: DurableClient) -> int:
        """Start what was accepted and never started; gives how many starts were looked after."""
        unfinished = await self._starts.older_than(datetime.now(UTC) - START_GRACE)
        for tenant, instance_id in unfinished:
            try:
                await self._finish_start(tenant, instance_id, client)
            except PlatformError as error:
                log.warning("instance %s is still not started: %s", instance_id, error)
        return len(unfinished)

    async def _finish_start(self, tenant: str, instance_id: str, client: DurableClient) -> None:
        if await self._store.get(tenant, instance_id) is None:
            self._starts.done(tenant, instance_id)  # its caller never got an answer
        else:
            await self._ensure_started(tenant, instance_id, client)

    async def _ensure_started(self, tenant: str, instance_id: str, client: DurableClient) -> InstanceHead:
        row = await self._row(tenant, instance_id)
        known = await client.get_status(instance_id) if row["status"] == "pending" else None
        if row["status"] == "pending" and (not _is_known(known) or _carried(known) is not None):
            definition = await self._definitions.frozen(tenant, row["namespace"], row["name"], row["version"])
            given = await self._store.value(row, "input")
            start = _start_input(definition, row, instance_id, given, _carried(known))
            await client.start_new(ORCHESTRATOR, instance_id, start)
        self._starts.done(tenant, instance_id)
        return _head(row, suspended=False)

    async def _running(self, tenant: str, instance_id: str, client: DurableClient) -> None:
        row = await self._row(tenant, instance_id)
        if row["status"] in FINAL:
            raise InstanceEnded(f"it is {row['status']}")
        await self._ensure_started(tenant, instance_id, client)

    async def _row(self, tenant: str, instance_id: str) -> Row:
        row = await self._store.get(tenant, instance_id)
        if row is None:
            raise InstanceNotFound(instance_id)
        return row

    def _check_input(self, definition: Frozen, given: Any) -> None:
        size = json_bytes(given)
        if size > MAX_PAYLOAD_BYTES:
            raise InputTooLarge(f"{size} bytes, at most {MAX_PAYLOAD_BYTES}: upload a dataset and pass its id")
        expected = parse_frozen(definition.document)[0].input
        if expected is None or expected.schema_ is None:
            return
        if found := self._evaluator.violations(expected.schema_.document, given):
            raise InputInvalid("; ".join(found)[:2000], errors=found)


def _start_input(
    definition: Frozen, row: Row, instance_id: str, given: Any, carried: dict[str, Any] | None
) -> dict[str, Any]:
    start = StartInstance(
        instance_id=instance_id,
        definition=definition.document,
        input=given,
        created_at=row["created_at"],
        work=WorkContext.model_validate_json(row["work"]),
        origin=Origin.model_validate_json(row["origin"]) if row.get("origin") else None,
        carried=Carried.model_validate(carried) if carried else None,
    )
    return start.model_dump(mode="json")


def _is_known(status: Any) -> bool:
    return status is not None and getattr(status, "runtime_status", None) is not None


def _carried(status: Any) -> dict[str, Any] | None:
    """What an orchestration that ended at a failed task left for another attempt."""
    state = getattr(getattr(status, "runtime_status", None), "name", None)
    output = getattr(status, "output", None)
    if state != "Completed" or not isinstance(output, dict):
        return None
    carried = output.get("carried")
    return carried if isinstance(carried, dict) else None


def _new_row(
    caller: Principal, definition: Frozen, request: StartRequest, instance_id: str, origin: Origin | None
) -> dict[str, Any]:
    return {
        "namespace": definition.id.namespace,
        "name": definition.id.name,
        "version": definition.id.version,
        "subject": caller.subject,
        "fingerprint": fingerprint(request.model_dump(mode="json")),
        "created_at": _now(),
        "origin": origin.model_dump_json() if origin is not None else None,
        "parent": origin.parent if origin is not None else None,
        "correlation_id": call.correlation_id if (call := current()) is not None else None,
        "work": WorkContext.capture(correlation_id=instance_id).model_dump_json(),
    }


def _head(row: Row, *, suspended: bool) -> InstanceHead:
    status = "suspended" if suspended and row["status"] not in FINAL else row["status"]
    times = {name: row.get(name) for name in ("created_at", "started_at", "ended_at")}
    names = {name: row[name] for name in ("namespace", "name", "version")}
    return InstanceHead(id=row.key.removeprefix("i!"), status=status, **names, **times)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
