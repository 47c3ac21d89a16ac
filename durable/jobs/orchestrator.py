"""The job's orchestrator: plan, fan out, wait for the chunks, reduce, end. Pure: time and ids come from its context."""

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any, Protocol

from durable.jobs.models import (
    CHECK,
    CHUNKS_DONE,
    ENQUEUE,
    FINISH,
    PLAN,
    REDUCE,
    Ending,
    Order,
    Outcome,
    Problem,
    Standing,
)

FIRST_CHECK, LONGEST_CHECK, CHECKS_A_DOUBLING = timedelta(seconds=1), timedelta(seconds=60), 30
"""How often the chunks are looked at when no event came: an event may be lost with the process that was to send it, and
does not reach the orchestration at all where nodes don't share a task hub. Often at first, for short work; then ever
more rarely, so that the history of a day's work stays small."""

STALLED_AFTER, LONGEST_STALL = timedelta(seconds=15), timedelta(minutes=5)
"""Without a further chunk done for so long, the unfinished ones are put on the queue again: the messages of a node
that died stay invisible for minutes. Each time in vain doubles the wait, so that an outage does not flood the queue."""

FIRST_PAUSE, LONGEST_PAUSE, MOST_ATTEMPTS = timedelta(seconds=1), timedelta(seconds=60), 40
"""A step that fails is repeated, ever more slowly: about 35 minutes in all."""

STEP_FAILED: Problem = {
    "type": "urn:problem:processing:step-failed",
    "title": "A step failed repeatedly",
    "status": 500,
}
EXPIRED: Problem = {
    "type": "urn:problem:processing:work-expired",
    "title": "The work took too long",
    "status": 504,
}

Steps = Generator[Any, Any, Any]


class OrchestrationContext(Protocol):
    """What the orchestrator uses of the Durable Functions context."""

    @property
    def current_utc_datetime(self) -> datetime:
        """The replay-safe time."""

    def get_input(self) -> Any:
        """The orchestration's input."""

    def call_activity(self, name: str, input_: Any = None) -> Any:
        """A task that runs an activity."""

    def create_timer(self, fire_at: datetime) -> Any:
        """A task that ends at that time; it can be cancelled."""

    def wait_for_external_event(self, name: str) -> Any:
        """A task that ends with the event."""

    def task_any(self, activities: list[Any]) -> Any:
        """A task that ends with the first of these."""


def run_job(context: OrchestrationContext) -> Generator[Any, Any, Problem | None]:
    """Carry out one Order and return what made it fail, None when it was completed or discarded."""
    order = Order.model_validate(context.get_input())
    problem: Problem | None
    try:
        problem = yield from _work(context, order)
    except StepFailed as failure:
        problem = {**STEP_FAILED, "detail": str(failure)}
    # Also for work that its owner has discarded: what was still being made for it is then removed.
    yield from _step(context, FINISH, Ending(order=order, problem=problem))
    return problem


class StepFailed(Exception):
    """An activity failed at its last attempt."""


def _work(context: OrchestrationContext, order: Order) -> Generator[Any, Any, Problem | None]:
    """The steps up to the end; returns what makes the work fail."""
    began_at = context.current_utc_datetime
    while True:
        planned = Outcome.model_validate((yield from _step(context, PLAN, order)))
        if planned.problem is not None:
            return planned.problem
        yield from _step(context, ENQUEUE, order)
        time = timedelta(seconds=planned.deadline_s)
        standing = yield from _wait_for_chunks(context, order, began_at + time)
        if standing is None:
            return {**EXPIRED, "detail": f"the chunks were not done within {time}"}
        if standing.problem is not None or standing.gone:
            return standing.problem
        if not standing.plan_again:
            return Outcome.model_validate((yield from _step(context, REDUCE, order))).problem


def _wait_for_chunks(
    context: OrchestrationContext, order: Order, ends_at: datetime
) -> Generator[Any, Any, Standing | None]:
    """Wait for the event or the timer, look at the chunks, and enqueue stragglers again; None past the deadline."""
    began_at = moved_at = context.current_utc_datetime
    done, stage, patience = 0, 0, STALLED_AFTER
    event = context.wait_for_external_event(CHUNKS_DONE)
    while True:
        now = context.current_utc_datetime
        pause = min(max((now - began_at) / CHECKS_A_DOUBLING, FIRST_CHECK), LONGEST_CHECK)
        timer = context.create_timer(now + pause)
        winner = yield context.task_any([event, timer])
        if winner == event:
            timer.cancel()
            event = context.wait_for_external_event(CHUNKS_DONE)
        standing = Standing.model_validate((yield from _step(context, CHECK, order)))
        if standing.problem is not None or standing.gone or standing.complete or standing.plan_again:
            return standing
        if standing.stage > stage:
            yield from _step(context, ENQUEUE, order)
            stage = standing.stage
        if standing.done > done:
            done, moved_at, patience = standing.done, context.current_utc_datetime, STALLED_AFTER
        if context.current_utc_datetime >= ends_at:
            return None
        if context.current_utc_datetime - moved_at >= patience:
            yield from _step(context, ENQUEUE, order)
            moved_at, patience = context.current_utc_datetime, min(patience * 2, LONGEST_STALL)


def _step(context: OrchestrationContext, name: str, given: Order | Ending) -> Steps:
    """Run an activity until it succeeds. Raises StepFailed after the last attempt."""
    pause = FIRST_PAUSE
    for attempt in range(1, MOST_ATTEMPTS + 1):
        try:
            return (yield context.call_activity(name, given.model_dump(mode="json")))
        except Exception:  # noqa: BLE001 - the SDK raises a bare Exception for a failed activity
            if attempt == MOST_ATTEMPTS:
                raise StepFailed(f"{name} failed {MOST_ATTEMPTS} times") from None
        yield context.create_timer(context.current_utc_datetime + pause)
        pause = min(pause * 2, LONGEST_PAUSE)
    raise AssertionError("unreachable")
