"""The only places where the interpretation waits for the outside: activities, timers, events."""

import json
from datetime import timedelta
from typing import Any

from chassis.models import Contract
from durable.workflow.faults import Cancelled, Fault, spec_error
from durable.workflow.interpretation.run import DurableTask, Run, Steps, Wait
from durable.workflow.models import InstanceStatus, Progress

RECORD = "workflow_record_progress"
CHECK_GOING = "workflow_check_going"
IDLE = (RECORD, CHECK_GOING)
"""Activities that are the interpretation's own: with nothing but these an instance goes round without end."""

ACTIVITY_ATTEMPTS = 6
FIRST_PAUSE = timedelta(seconds=1)


def activity(run: Run, name: str, given: Contract) -> Steps[Any]:
    """The activity's result. What it reports as failed is part of that; it raises only when our own storage is away.

    Then it is tried again with growing pauses, half a minute in all, before Fault says so.
    """
    run.count_effect(is_idle=name in IDLE)
    for attempt in range(ACTIVITY_ATTEMPTS):
        task = run.context.call_activity(name, given.model_dump(mode="json", exclude_defaults=True))
        while not task.is_completed:
            yield Wait((task,), busy=True)
        if not isinstance(task.result, Exception):
            return task.result
        if attempt + 1 < ACTIVITY_ATTEMPTS:
            yield from sleep(run, FIRST_PAUSE * 2**attempt)
    raise Fault(spec_error("runtime", 500, "The platform failed", f"{name} failed {ACTIVITY_ATTEMPTS} times"))


def value_of(told: DurableTask) -> Any:
    """What an external event brought: the SDK's client encodes it twice, its replay decodes it once."""
    return json.loads(told.result) if isinstance(told.result, str) else told.result


def sleep(run: Run, duration: timedelta) -> Steps[None]:
    """Wait on a durable timer."""
    yield from first_of(run, duration)


def first_of(run: Run, duration: timedelta, *others: DurableTask) -> Steps[None]:
    """Wait for the first of the others, but no longer than the duration."""
    run.count_effect()
    timer = run.context.create_timer(run.context.current_utc_datetime + duration)
    try:
        while not any(task.is_completed for task in (timer, *others)):
            yield Wait((*others, timer))
    except Cancelled:  # not `finally`: the end of a replay closes this generator while the timer must go on
        timer.cancel()
        raise
    if not timer.is_completed:  # an open timer would keep the finished orchestration from ending
        timer.cancel()


def record(run: Run, progress: Progress) -> Steps[None]:
    """Write progress to the read model."""
    yield from activity(run, RECORD, progress)


def flush(run: Run, status: InstanceStatus) -> Steps[None]:
    """Write what waits, if anything does."""
    if not run.trail.is_empty:
        yield from record(run, run.trail.drain(status))
