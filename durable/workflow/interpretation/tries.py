"""try/catch: which errors are caught, when the block is tried again, and what is done instead."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from durable.workflow.dsl.failures import RetryPolicy
from durable.workflow.dsl.tasks import Catch, TryTask
from durable.workflow.faults import Fault, SpecError, standard_type
from durable.workflow.interpretation import tasks as lists
from durable.workflow.interpretation.deadlines import within
from durable.workflow.interpretation.effects import flush, sleep
from durable.workflow.interpretation.frames import Frame
from durable.workflow.interpretation.run import Place, Result, Run, Steps
from durable.workflow.models import TaskState
from durable.workflow.retries import next_delay


def run_try(
    run: Run,
    task: TryTask,
    place: Place,
    data: Any,
    variables: dict[str, Any],
    seen: dict[str, Any],
    state: TaskState,
) -> Steps[Result]:
    """The block's result, or the handler's.

    A caught error is first met by the retry policy, if there is one; when that gives up, by `catch.do`. An error that
    was to be cured by retries and has no handler is raised; without either it is swallowed.
    """
    with run.frame(first=run.context.current_utc_datetime.isoformat(), retries=0, error=None) as frame:
        while frame["error"] is None:
            try:
                attempt = lists.run_list(run, task.try_, place.below("try"), data, variables)
                return (yield from _in_time(run, task.catch, attempt, data, seen, frame))
            except Fault as fault:
                error, frames = fault.error, fault.frames
            frame.pop("deadline", None)
            named = {**seen, task.catch.as_: error.as_json()}
            if not _catches(run, task.catch, error, data, named):
                raise Fault(error, frames)
            frame["retries"] += 1
            delay = _pause(run, task.catch, place, data, named, frame)
            if delay is None:
                frame["error"] = error
                break
            run.trail.retry(state, frame["retries"] + 1, run.now())
            yield from flush(run, "waiting")
            yield from sleep(run, delay)
        caught = SpecError.model_validate(frame["error"])
        return (yield from _handle(run, task.catch, place, data, variables, caught))


def _pause(run: Run, catch: Catch, place: Place, data: Any, named: dict[str, Any], frame: Frame) -> timedelta | None:
    """How long to wait before the next attempt; None when there is none."""
    policy = _policy(run, catch)
    if policy is None or not _may_retry(run, policy, data, named):
        return None
    elapsed = run.context.current_utc_datetime - datetime.fromisoformat(frame["first"])
    seed = f"{run.start.instance_id}{place.reference}"
    return next_delay(policy, frame["retries"], elapsed, partial(run.duration, data=data, arguments=named), seed)


def _in_time(
    run: Run, catch: Catch, attempt: Steps[Result], data: Any, seen: dict[str, Any], frame: Frame
) -> Steps[Result]:
    """One attempt, no longer than the policy allows each of them."""
    policy = _policy(run, catch)
    limit = policy.limit.attempt.duration if policy and policy.limit and policy.limit.attempt else None
    if limit is None:
        return (yield from attempt)
    return (yield from within(run, run.duration(limit, data, seen), attempt, frame))


def _handle(
    run: Run, catch: Catch, place: Place, data: Any, variables: dict[str, Any], error: SpecError
) -> Steps[Result]:
    if catch.do is not None:
        inner = {**variables, catch.as_: error.as_json()}
        return (yield from lists.run_list(run, catch.do, place.below("catch", "do"), data, inner))
    if catch.retry is not None:
        raise Fault(error)
    return Result(data)


def _policy(run: Run, catch: Catch) -> RetryPolicy | None:
    return run.definition.use.retries[catch.retry] if isinstance(catch.retry, str) else catch.retry


def _may_retry(run: Run, policy: RetryPolicy, data: Any, seen: dict[str, Any]) -> bool:
    if policy.when is not None and not run.holds(policy.when, data, seen):
        return False
    return policy.except_when is None or not run.holds(policy.except_when, data, seen)


def _catches(run: Run, catch: Catch, error: SpecError, data: Any, seen: dict[str, Any]) -> bool:
    if not _fits(catch, error):
        return False
    if catch.when is not None and not run.holds(catch.when, data, seen):
        return False
    return catch.except_when is None or not run.holds(catch.except_when, data, seen)


def _fits(catch: Catch, error: SpecError) -> bool:
    """Whether every member of the static filter equals the error's. The filter's `details` is the error's detail."""
    if catch.errors is None or catch.errors.with_ is None:
        return True
    wanted = catch.errors.with_.model_dump(by_alias=True, exclude_unset=True)
    has = error.as_json()
    if "type" in wanted:
        wanted["type"] = standard_type(str(wanted["type"]))
    return all(has.get("detail" if key == "details" else key) == value for key, value in wanted.items())
