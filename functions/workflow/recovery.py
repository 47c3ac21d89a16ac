"""Finds instances whose orchestration has ended or is gone without writing their end, and marks them faulted."""

import logging
from datetime import UTC, datetime
from time import monotonic

from durable.workflow.activities import tell_parent
from durable.workflow.faults import SpecError, spec_error
from durable.workflow.instances import InstanceStore
from durable.workflow.models import FINAL, ChildEnd, Origin
from functions.workflow.service import DurableClient

log = logging.getLogger(__name__)

PER_ROUND = 200
"""So many open instances are looked at each time; ten seconds apart, 10,000 take about eight minutes."""

ROUND_EVERY_S = 60.0
"""A round begins with a scan of the whole read model, so not more often than this."""

UNSURE = frozenset({"missing", "completed"})
ENDED = frozenset({"Completed", "Failed", "Terminated", "Canceled"})


class Patrol:
    """Goes over all open instances, a few at a time; where it stands is lost with the process, which does no harm."""

    def __init__(self) -> None:
        self._left: list[tuple[str, str]] = []
        self._next_round = 0.0
        self._missed: set[str] = set()

    async def go_on(self, store: InstanceStore, client: DurableClient) -> int:
        """Look at the next instances; gives how many were marked faulted."""
        if not self._left and monotonic() >= self._next_round:
            self._next_round = monotonic() + ROUND_EVERY_S
            self._left = (await store.open())[::-1]
        marked = 0
        for _ in range(min(PER_ROUND, len(self._left))):
            tenant, instance_id = self._left.pop()
            marked += await self._look_at(store, client, tenant, instance_id)
        return marked

    async def _look_at(self, store: InstanceStore, client: DurableClient, tenant: str, instance_id: str) -> bool:
        ended = await _how_it_ended(client, instance_id)
        # The client does not tell an unknown instance from every failure of the task hub, and one that is tried again
        # begins anew between our two questions: two rounds must agree.
        if ended in UNSURE and instance_id not in self._missed:
            self._missed.add(instance_id)
            return False
        self._missed.discard(instance_id)
        return ended is not None and await _mark(store, client, tenant, instance_id, ended)


async def _mark(store: InstanceStore, client: DurableClient, tenant: str, instance_id: str, ended: str) -> bool:
    # Read after the status: an orchestration that ends as it should has written its end before.
    row = await store.get(tenant, instance_id)
    if row is None or row["status"] in FINAL or (ended in UNSURE and row["status"] == "pending"):
        return False  # a pending one without an orchestration, or with one that ended, is a start under way
    marked = await store.fault(row, instance_id, _error(ended), _now())
    if marked:
        origin = Origin.model_validate_json(row["origin"]) if row.get("origin") else None
        await tell_parent(client, origin, ChildEnd(status="faulted", error=_error(ended)))
        log.error("instance %s is marked faulted: its orchestration is %s", instance_id, ended)
    return marked


async def _how_it_ended(client: DurableClient, instance_id: str) -> str | None:
    """None while it runs or can't be told; "missing" when the task hub does not know it."""
    found = await client.get_status(instance_id)
    status = getattr(found, "runtime_status", None)
    if status is None:
        return None if hasattr(found, "Message") else "missing"  # a Message is an error's
    return status.name.lower() if status.name in ENDED else None


def _error(ended: str) -> SpecError:
    detail = (
        f"Its orchestration is {ended}; nothing was undone. This is a mistake of the platform, not of the workflow."
    )
    return spec_error("runtime", 500, "The instance was broken off", detail)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
