"""run workflow: another definition's instance is started, and waited for unless the task says not to."""

from hashlib import sha256
from typing import Any

from durable.workflow.dsl.processes import RunWorkflow
from durable.workflow.faults import Cancelled, Fault, SpecError, spec_error
from durable.workflow.interpretation.effects import activity, flush, value_of
from durable.workflow.interpretation.run import DurableTask, Place, Run, Steps, Wait
from durable.workflow.models import ChildEnd, ChildStarted, Origin, StartChild, StopChild

START, STOP = "workflow_start_child", "workflow_stop_child"
MAX_LEVELS = 8
"""So many instances may stand below one that was started by a person, an event or a schedule."""


def run_workflow(run: Run, process: RunWorkflow, place: Place, data: Any, seen: dict[str, Any]) -> Steps[Any]:
    """The child's output; the task's own input when it is not waited for. Raises Fault with the child's error.

    Stopped from outside it cancels the child and waits until that has undone what it made.
    """
    level = 1 + (run.start.origin.level if run.start.origin is not None else 0)
    if level > MAX_LEVELS:
        detail = f"workflows run workflows at most {MAX_LEVELS} levels deep"
        raise Fault(spec_error("runtime", 500, "Workflows are nested too deep", detail))
    run.generations[place.reference] += 1
    key = f"{run.start.instance_id}:{place.reference}:{run.generations[place.reference]}"
    told = f"child:{sha256(key.encode()).hexdigest()[:20]}"  # the SDK's client puts it into a path as it is
    child = process.workflow
    request = StartChild(
        key=key,
        namespace=child.namespace,
        name=child.name,
        version=None if child.version == "latest" else child.version,
        input=None if child.input is None else run.fill(child.input, data, seen),
        origin=Origin(parent=run.start.instance_id, event=told if process.await_ else None, level=level),
        work=run.start.work,
    )
    run.check_size(request.input, "the input of the workflow")
    yield from flush(run, "waiting")
    end = run.context.wait_for_external_event(told) if process.await_ else None
    started = ChildStarted.model_validate((yield from activity(run, START, request)))
    if started.error is not None:
        raise Fault(started.error)
    return data if end is None else (yield from _end_of(run, str(started.id), end))


def _end_of(run: Run, child: str, end: DurableTask) -> Steps[Any]:
    try:
        yield from _ended(end)
    except Cancelled:
        yield from activity(run, STOP, StopChild(id=child, work=run.start.work))
        yield from _ended(end)
        raise
    outcome = ChildEnd.model_validate(value_of(end))
    if outcome.status == "completed":
        return outcome.output
    raise Fault(_error(child, outcome))


def _ended(end: DurableTask) -> Steps[None]:
    while not end.is_completed:
        yield Wait((end,))


def _error(child: str, outcome: ChildEnd) -> SpecError:
    """The child's error as the parent's own; where in the child it arose is told beside it."""
    if outcome.error is None:
        detail = f"the workflow {child} was {outcome.status}"
        return spec_error("runtime", 500, f"The workflow was {outcome.status}", detail, problem={"workflow": child})
    where = {"workflow": child, "instance": outcome.error.instance}
    problem = {**(outcome.error.problem or {}), **where}
    return outcome.error.model_copy(update={"instance": None, "problem": problem})
