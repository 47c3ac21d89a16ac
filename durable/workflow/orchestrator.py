"""The one orchestrator that runs every definition: a pure generator over the durable context.

It yields only `context.task_any([...])`. Time and ids come from the context; expressions are evaluated by what is
passed in; every effect is an activity.
"""

from collections.abc import Generator
from typing import Any, Literal

from durable.workflow.expressions import Evaluator
from durable.workflow.faults import Cancelled, Fault, SpecError
from durable.workflow.interpretation.carrying import begin, next_start, to_try_again
from durable.workflow.interpretation.compensation import compensate
from durable.workflow.interpretation.deadlines import limited
from durable.workflow.interpretation.effects import CHECK_GOING, activity, flush, record
from durable.workflow.interpretation.frames import Frame, StartOver
from durable.workflow.interpretation.run import Run, Scope, Steps
from durable.workflow.interpretation.tasks import run_list
from durable.workflow.lifecycle import shown_error, shown_output
from durable.workflow.models import CANCEL_EVENT, Going, Undone

End = Literal["completed", "faulted", "cancelled"]


def run_definition(context: Any, evaluator: Evaluator) -> Generator[Any, Any, dict[str, Any]]:
    """Run one instance to its end, or until its history is long; gives its status. The read model has the rest."""
    run = begin(context, evaluator)
    output: Any = None
    error: SpecError | None = None
    end: End = "completed"
    frames: list[Frame] | None = None
    try:
        output = yield from _drive(run, _workflow(run), cancellable=True)
    except StartOver as over:
        yield from _drive(run, flush(run, "running"), cancellable=False)
        context.continue_as_new(next_start(run, over.frames).model_dump(mode="json"))
        return {"status": "running"}
    except Fault as fault:
        error, end, frames = fault.error, "faulted", fault.frames
    except Cancelled:
        end = "cancelled"
    undone = yield from _drive(run, _finish(run, end, output, error), cancellable=False)
    if frames is None or undone:
        return {"status": end}
    return {"status": end, "carried": to_try_again(run, frames).model_dump(mode="json")}


def _workflow(run: Run) -> Steps[Any]:
    """The data flow around the workflow's tasks."""
    definition = run.definition
    if run.start.carried is not None:
        yield from _meanwhile(run)
    with run.frame() as frame:
        if "given" not in frame:
            frame["given"] = _given(run)
        tasks = run_list(run, definition.do, "/do", frame["given"], {})
        seen = run.arguments({}, input=frame["given"])
        result = yield from limited(run, definition.timeout, tasks, frame["given"], seen, frame)
    output = result.output
    if definition.output is not None:
        output = run.transform(definition.output.as_, output, run.arguments({}))
        run.check_schema(definition.output.schema_, output, "the workflow's output")
    run.check_size(output, "the workflow's output")
    return output


def _given(run: Run) -> Any:
    given = run.start.input
    if run.definition.input is not None:
        run.check_schema(run.definition.input.schema_, given, "the workflow's input")
        given = run.transform(run.definition.input.from_, given, run.arguments({}))
    return given


def _meanwhile(run: Run) -> Steps[None]:
    """Look for what may have been lost between two executions. Raises Cancelled when that was asked for."""
    going = Going(instance_id=run.start.instance_id, work=run.start.work)
    if (yield from activity(run, CHECK_GOING, going)) is False:
        raise Cancelled


def _finish(run: Run, end: End, output: Any, error: SpecError | None) -> Steps[bool]:
    """Undo what is to be undone, then write the end; gives whether anything was undone."""
    kind: Literal["fault", "cancel"] = "fault" if end == "faulted" else "cancel"
    undone: tuple[Undone, ...] = ()
    if end != "completed" and run.definition.compensates_on(kind):
        undone = yield from compensate(run)
    run.trail.tell(end, run.now(), error=shown_error(error), output=shown_output(output))
    final = run.trail.drain(
        end, ended_at=run.now(), output=output, error=error, compensation=undone, origin=run.start.origin
    )
    yield from record(run, final)
    return bool(undone)


def _drive(run: Run, steps: Steps[Any], *, cancellable: bool) -> Generator[Any, Any, Any]:
    """Turn waits into durable tasks, until the steps end.

    A cancellation stops the steps at the next wait that is not for an activity: what an activity has begun is known
    before anything is undone.
    """
    cancel = run.context.wait_for_external_event(CANCEL_EVENT) if cancellable else None
    scope = Scope(lambda: cancel is not None and cancel.is_completed, is_resumable=cancellable)
    thrown = False
    try:
        wait = run.inside(scope, steps)
        while True:
            tasks = list(wait.tasks)
            if cancel is not None and not cancel.is_completed:
                tasks.append(cancel)
            yield run.context.task_any(tasks)
            if scope.is_over() and not wait.busy and not thrown:
                thrown = True
                wait = steps.throw(Cancelled())
            elif any(task.is_completed for task in wait.tasks):
                wait = run.inside(scope, steps)
    except StopIteration as end:
        return end.value
