"""Time limits: a task, a block's attempt or the whole workflow is stopped when its time is up."""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from durable.workflow.dsl.durations import TimeoutOrName
from durable.workflow.faults import Cancelled, Fault, SpecError, spec_error
from durable.workflow.interpretation.frames import Frame
from durable.workflow.interpretation.run import DurableTimer, Run, Scope, Steps, Wait

T = TypeVar("T")


def limited(
    run: Run,
    timeout: TimeoutOrName | None,
    steps: Steps[T],
    data: Any,
    arguments: dict[str, Any],
    frame: Frame,
) -> Steps[T]:
    """The steps under the timeout, if there is one. Raises Fault of the specification's timeout type."""
    if timeout is None:
        return (yield from steps)
    definition = run.definition.use.timeouts[timeout] if isinstance(timeout, str) else timeout
    return (yield from within(run, run.duration(definition.after, data, arguments), steps, frame))


def within(run: Run, time: timedelta, steps: Steps[T], frame: Frame) -> Steps[T]:
    """The steps, stopped when the time is up; the frame keeps until when they have.

    What an activity has begun is waited for, so that it is known before anything is undone; no further task begins
    meanwhile, and activities are told how long they may take.
    """
    deadline = datetime.fromisoformat(
        frame.setdefault("deadline", (run.context.current_utc_datetime + time).isoformat())
    )
    timer = run.context.create_timer(deadline)
    try:
        result = yield from _raced(run, steps, timer, Scope(lambda: timer.is_completed, deadline))
    except _TimeUp:
        raise Fault(_timed_out(time)) from None
    except Exception:  # not `finally`: the end of a replay closes this generator while the timer must go on
        _close(timer)
        raise
    _close(timer)
    return result


class _TimeUp(Exception):
    """The steps were stopped because their time is up, not from outside."""


def _raced(run: Run, steps: Steps[T], timer: DurableTimer, scope: Scope) -> Steps[T]:
    try:
        wait = _advance(run, steps, timer, scope)
        while True:
            if timer.is_completed and not wait.busy:
                yield from stopped(steps)
                raise _TimeUp
            try:
                yield wait if timer.is_completed else Wait((*wait.tasks, timer), busy=wait.busy)
            except Cancelled:
                yield from stopped(steps)
                raise
            if any(task.is_completed for task in wait.tasks) and (wait.busy or not timer.is_completed):
                wait = _advance(run, steps, timer, scope)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _advance(run: Run, steps: Steps[Any], timer: DurableTimer, scope: Scope) -> Wait:
    try:
        return run.inside(scope, steps)
    except Cancelled:
        if timer.is_completed and not run.is_over():
            raise _TimeUp from None
        raise


def scoped(run: Run, scope: Scope, steps: Steps[T]) -> Steps[T]:
    """The steps, advanced within the scope."""
    try:
        wait = run.inside(scope, steps)
        while True:
            try:
                yield wait
            except Cancelled:
                yield from stopped(steps)
                raise
            wait = run.inside(scope, steps)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def stopped(steps: Steps[Any]) -> Steps[None]:
    """Stop the steps where they are; what they still have to do to end in order is done."""
    try:
        wait = steps.throw(Cancelled())
        while True:
            yield wait
            wait = next(steps)
    except (Cancelled, StopIteration):
        return


def _close(timer: DurableTimer) -> None:
    if not timer.is_completed:  # an open timer would keep the finished orchestration from ending
        timer.cancel()


def _timed_out(time: timedelta) -> SpecError:
    return spec_error("timeout", 408, "The time is up", f"it took longer than {_in_words(time)}")


def _in_words(time: timedelta) -> str:
    seconds = time.total_seconds()
    return f"{seconds:g} s" if seconds < 60 else str(time)
