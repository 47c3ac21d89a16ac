"""The port through which the service does the work that the orchestration only puts in order."""

from collections.abc import Callable
from typing import Protocol

from chassis.work import WorkContext
from durable.jobs.models import Order, Outcome, Problem, Standing


class Steps(Protocol):
    """The steps of a job. Each may be repeated at any time and by any node, with the same effect.

    A problem in what is returned is for good; whatever is raised is tried again.
    """

    async def context_of(self, order: Order) -> WorkContext:
        """Whose work it is, as it was stored with it."""

    async def plan(self, order: Order) -> Outcome:
        """Lay out the chunks and mark the work as running."""

    async def enqueue(self, order: Order) -> None:
        """Put every unfinished chunk on the queue."""

    async def check(self, order: Order) -> Standing:
        """How far the chunks are."""

    async def reduce(self, order: Order) -> Outcome:
        """Make the result from the chunks' parts."""

    async def finish(self, order: Order, problem: Problem | None) -> None:
        """Store how the work ended and announce it; after a failure nothing that it made is kept."""


_provided: list[Callable[[], Steps]] = []


def provide(steps: Callable[[], Steps]) -> None:
    """Set how this process gets its steps, made when first used; the service does it where it is put together."""
    _provided[:] = [steps]


def provided() -> Steps:
    """The steps of this process. Raises RuntimeError when no service has provided any."""
    if not _provided:
        raise RuntimeError("no service has provided the steps of durable/jobs")
    return _provided[0]()
