"""Calls of catalog functions: asked at once, told, announced, or started and then waited for."""

from datetime import timedelta
from typing import Any

from durable.workflow.catalog import CATALOG, argument_mistakes
from durable.workflow.faults import Fault, spec_error
from durable.workflow.interpretation.effects import activity, first_of, sleep
from durable.workflow.interpretation.run import Place, Run, Steps
from durable.workflow.models import MAX_EVENT_BYTES, CallOutcome, FunctionCall, FunctionPoll
from durable.workflow.reserved import check_event_type

FIRST_POLL = timedelta(seconds=15)
LONGEST_POLL = timedelta(minutes=5)


def call(
    run: Run, function: str, with_: dict[str, Any], place: Place, data: Any, arguments: dict[str, Any]
) -> Steps[Any]:
    """The output of a function of the catalog. Raises Fault with what the service reported."""
    given = run.fill(with_, data, arguments)
    if mistakes := argument_mistakes(function, given):
        raise Fault(spec_error("configuration", 400, "The call does not fit", "; ".join(mistakes)))
    if mistakes := run.evaluator.violations(CATALOG[function].input, given):
        raise Fault(spec_error("validation", 400, "The call does not fit", "; ".join(mistakes)))
    run.check_size(given, "what is passed to the function")
    if CATALOG[function].how == "announce":
        return _announce(run, given)
    outcome = yield from _begin(run, function, place, given)
    if outcome.state == "started" and outcome.started:
        outcome = yield from _finish(run, function, outcome.started)
    if outcome.error is not None:
        raise Fault(outcome.error)
    return outcome.output


def _announce(run: Run, given: dict[str, Any]) -> dict[str, Any]:
    run.check_size(given, "the event", MAX_EVENT_BYTES)
    data = given.get("data")
    type = check_event_type(str(given["type"]))
    return {"id": run.trail.announce(type, data if isinstance(data, dict) else {"value": data}), "type": type}


def _begin(run: Run, function: str, place: Place, given: dict[str, Any]) -> Steps[CallOutcome]:
    request = FunctionCall(
        key=call_key(run, place, given),
        function=function,
        arguments=given,
        work=run.start.work,
        progress=None if run.trail.is_empty else run.trail.drain("running"),
        timeout_s=run.call_timeout_s(),
    )
    outcome = CallOutcome.model_validate((yield from activity(run, "workflow_call_function", request)))
    if outcome.state == "failed":
        run.unanswered[place.reference] = given
    return outcome


def call_key(run: Run, place: Place, given: dict[str, Any]) -> str:
    """One key for each generation of the task: the receiver knows a repeated call by it.

    A retry is a new generation only when work was started and has ended. After a call that failed, perhaps only for
    want of an answer, the receiver may be at work already: the same call is made again under the same key.
    """
    if run.unanswered.pop(place.reference, None) != given:
        run.generations[place.reference] += 1
    return f"{run.start.instance_id}:{place.reference}:{run.generations[place.reference]}"


def _finish(run: Run, function: str, started: str) -> Steps[CallOutcome]:
    """Wait for the event of the started work; a poll, ever rarer, finds the end that no event told of."""
    poll = FunctionPoll(function=function, started=started, work=run.start.work)
    told = run.context.wait_for_external_event(started)
    patience, heard = FIRST_POLL, False
    while True:
        if heard:
            yield from sleep(run, patience)
        elif not told.is_completed:
            yield from first_of(run, patience, told)
        heard = told.is_completed
        outcome = CallOutcome.model_validate((yield from activity(run, "workflow_poll_function", poll)))
        if outcome.state == "done" or (outcome.state == "failed" and not outcome.can_retry):
            return outcome
        patience = min(patience * 2, LONGEST_POLL)
