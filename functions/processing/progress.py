"""Live progress: what this process knows of each piece of work, shown a few times a second at most."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from durable.jobs.models import Order

INTERVAL_S = 0.3
COUNTED_ALWAYS, COUNTED_TIMES = 16, 16
WORK_KEPT = 256
Show = Callable[..., Awaitable[Any]]


class ProgressMeter:
    """Adds up what is done by chunk, and shows it. `show` takes stage, id, done, total and unit."""

    def __init__(self, show: Show, clock: Callable[[], float] = monotonic) -> None:
        self._show = show
        self._clock = clock
        self._done: OrderedDict[str, dict[int, int]] = OrderedDict()
        self._shown_at: dict[str, float] = {}

    def is_due(self, order: Order, index: int, total: int) -> bool:
        """Whether all reports are to be counted now that this chunk is done.

        Counting reads a row a chunk: always for few chunks or when few are left, else sixteen times in all.
        """
        known = self._of(order)
        known.setdefault(index, 0)
        return total - len(known) <= COUNTED_ALWAYS or len(known) % (total // COUNTED_TIMES) == 0

    async def rows(self, order: Order, chunk: int, rows: int, total: int) -> None:
        """So many rows of a chunk are checked now."""
        done = self._of(order)
        done[chunk] = rows
        await self._tell("validate", order, sum(done.values()), total, "rows")

    async def settled(self, order: Order, done: dict[int, int], total: int) -> None:
        """The chunks that are done, with their rows, as stored; a validation counts rows, a job chunks."""
        known = self._of(order)
        known.update(done)
        if order.kind == "validation":
            await self._tell("validate", order, sum(known.values()), total, "rows")
        else:
            await self._tell("process", order, len(done), total, "chunks")

    def _of(self, order: Order) -> dict[int, int]:
        found = self._done.setdefault(order.instance_id, {})
        self._done.move_to_end(order.instance_id)
        while len(self._done) > WORK_KEPT:
            oldest, _ = self._done.popitem(last=False)
            self._shown_at.pop(oldest, None)
        return found

    async def _tell(self, stage: str, order: Order, done: int, total: int, unit: str) -> None:
        now = self._clock()
        if done < total and now - self._shown_at.get(order.instance_id, -INTERVAL_S) < INTERVAL_S:
            return
        self._shown_at[order.instance_id] = now
        await self._show(stage, order.id, done, total, unit)
