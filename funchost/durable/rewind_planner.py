"""Which instances a rewind reaches: the one that is named, and the failed sub-orchestrations that it waited for."""

from __future__ import annotations

from datetime import datetime

from funchost.durable.backend import Backend, InstanceNotFound, NotFailed
from funchost.durable.entities import is_entity
from funchost.durable.events import decode_events
from funchost.durable.rewind import plan_rewind
from funchost.durable.rewinding import Rewinding
from funchost.durable.starts import parent_message
from funchost.durable.state import Parent, Status


class RewindPlanner:
    """Reads what is stored and collects what is to change in `rewinding`; changes nothing itself."""

    def __init__(self, backend: Backend, reason: str | None, now: datetime) -> None:
        self._backend, self._reason, self._now = backend, reason, now
        self.rewinding = Rewinding([], [], {})

    async def add(self, instance_id: str) -> None:
        """Plan a failed instance and what it waits for again. Raises InstanceNotFound, NotFailed."""
        snapshot = None if is_entity(instance_id) else await self._backend.load(instance_id)
        if snapshot is None:
            raise InstanceNotFound(instance_id)
        if snapshot.row.status is not Status.FAILED:
            raise NotFailed(instance_id, snapshot.row.status)
        turns = [decode_events(chunk) for chunk in snapshot.chunks]
        plan = plan_rewind(snapshot.row, turns, self._reason, self._now)
        self.rewinding.parts.append(plan.rewound)
        for number, child_id in plan.children.items():
            await self._add_child(Parent(instance_id, snapshot.row.execution_id, number), child_id)

    async def _add_child(self, parent: Parent, child_id: str) -> None:
        """See that the parent gets an answer: from a child that goes on, runs, or has ended meanwhile."""
        child = await self._backend.get(child_id)
        if child is not None and child.status is Status.FAILED:
            await self.add(child_id)
            return
        self.rewinding.seen[child_id] = child.status if child else None
        if child is None or child.status.is_final:
            status, output = (child.status, child.output) if child else (Status.TERMINATED, None)
            self.rewinding.answers.append(parent_message(parent, status, output, self._now))
