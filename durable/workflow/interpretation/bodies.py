"""What each kind of task does with its input; composites hand their lists back to `run_list`."""

from typing import Any

from durable.workflow.catalog import catalog_name
from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.failures import ErrorDefinition
from durable.workflow.dsl.processes import RunScript, RunShell, RunWorkflow
from durable.workflow.dsl.topic import as_event_task
from durable.workflow.faults import Fault, SpecError, spec_error
from durable.workflow.interpretation import tasks as lists
from durable.workflow.interpretation.calls import call
from durable.workflow.interpretation.children import run_workflow
from durable.workflow.interpretation.effects import flush, sleep
from durable.workflow.interpretation.emits import emit
from durable.workflow.interpretation.forks import run_fork
from durable.workflow.interpretation.functions import call_task_function
from durable.workflow.interpretation.listens import run_listen
from durable.workflow.interpretation.outgoing import call_protocol
from durable.workflow.interpretation.processes import run_process
from durable.workflow.interpretation.run import Place, Result, Run, Steps
from durable.workflow.interpretation.tries import run_try
from durable.workflow.models import TaskState


def run_body(
    run: Run,
    task: dsl.Task,
    place: Place,
    data: Any,
    variables: dict[str, Any],
    descriptor: dict[str, Any],
    state: TaskState,
) -> Steps[Result]:
    """The task's raw output, and where the task itself sends the flow."""
    seen = run.arguments(variables, task=descriptor, input=data)
    match task:
        case dsl.DoTask():
            return (yield from lists.run_list(run, task.do, place.below("do"), data, variables))
        case dsl.ForTask():
            return (yield from _for(run, task, place, data, variables, seen))
        case dsl.ForkTask():
            return (yield from run_fork(run, task, place, data, variables))
        case dsl.CallAsyncApi():
            event_task = as_event_task(task)
            if isinstance(event_task, dsl.EmitTask):
                return Result(emit(run, event_task, data, seen))
            below = Place(place.name, place.below("with", "subscription"))
            return (yield from run_listen(run, event_task, below, data, variables, seen))
        case dsl.ListenTask():
            return (yield from run_listen(run, task, place, data, variables, seen))
        case dsl.TryTask():
            return (yield from run_try(run, task, place, data, variables, seen, state))
    return (yield from _single(run, task, place, data, seen))


def _single(run: Run, task: dsl.Task, place: Place, data: Any, seen: dict[str, Any]) -> Steps[Result]:
    """A task that has no others within it."""
    match task:
        case dsl.CallFunction() | dsl.CallHttp() | dsl.CallOpenApi() | dsl.CallGrpc():
            return (yield from _call(run, task, place, data, seen))
        case dsl.EmitTask():
            return Result(emit(run, task, data, seen))
        case dsl.RaiseTask():
            raise Fault(_error(run, task.raise_.error, data, seen))
        case dsl.RunTask(run=RunScript() | RunShell() as process):
            return Result((yield from run_process(run, process, place, data, seen)))
        case dsl.RunTask(run=RunWorkflow() as process):
            return Result((yield from run_workflow(run, process, place, data, seen)))
        case dsl.SetTask():
            return Result(run.transform(task.set, data, seen))
        case dsl.SwitchTask():
            return Result(data, _chosen(run, task, data, seen))
        case dsl.WaitTask():
            yield from flush(run, "waiting")
            yield from sleep(run, run.duration(task.wait, data, seen))
            return Result(data)
    raise Fault(spec_error("configuration", 400, "Not supported", f"{task.kind} has no runtime"))


def _call(
    run: Run,
    task: dsl.CallFunction | dsl.CallHttp | dsl.CallOpenApi | dsl.CallGrpc,
    place: Place,
    data: Any,
    seen: dict[str, Any],
) -> Steps[Result]:
    """A function of the workflow's own, of the platform's catalog or from elsewhere; or a call over a protocol."""
    if not isinstance(task, dsl.CallFunction):
        given = task.with_.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return Result((yield from call_protocol(run, task.call, given, place, data, seen)))
    name = None if task.call in run.definition.use.functions else catalog_name(task.call)
    if name is None:
        return (yield from call_task_function(run, task, place, data, seen))
    return Result((yield from call(run, name, task.with_ or {}, place, data, seen)))


def _for(
    run: Run, task: dsl.ForTask, place: Place, data: Any, variables: dict[str, Any], seen: dict[str, Any]
) -> Steps[Result]:
    """Each round's output is the next one's input; the last is the loop's."""
    with run.frame(index=0, data=data) as frame:
        if "collection" not in frame:
            frame["collection"] = _collection(run, task, data, seen)
        while frame["index"] < len(frame["collection"]):
            inner = {
                **variables,
                task.for_.each: frame["collection"][frame["index"]],
                task.for_.at: frame["index"],
            }
            now = run.arguments(inner, task=seen["task"], input=seen["input"])
            is_within = run.frames.is_resuming and run.is_resumable  # in a round, whose condition held before
            if task.while_ is not None and not is_within and not run.holds(task.while_, frame["data"], now):
                break
            result = yield from lists.run_list(run, task.do, place.below("do"), frame["data"], inner)
            if result.then == "end":
                return result
            frame.update(index=frame["index"] + 1, data=result.output)
        return Result(frame["data"])


def _collection(run: Run, task: dsl.ForTask, data: Any, seen: dict[str, Any]) -> list[Any]:
    collection = run.evaluate(task.for_.in_, data, seen)
    if not isinstance(collection, list):
        detail = f"for.in gives {type(collection).__name__}, not an array"
        raise Fault(spec_error("expression", 400, "Nothing to go through", detail))
    return collection


def _chosen(run: Run, task: dsl.SwitchTask, data: Any, seen: dict[str, Any]) -> str | None:
    """The first case whose condition holds, else the default's target, else none: the task's own directive."""
    default = None
    for item in task.switch:
        for case in item.values():
            if case.when is None:
                default = case.then
            elif run.holds(case.when, data, seen):
                return case.then
    return default


def _error(run: Run, error: ErrorDefinition | str, data: Any, seen: dict[str, Any]) -> SpecError:
    definition = run.definition.use.errors[error] if isinstance(error, str) else error
    filled = run.fill(definition.model_dump(mode="json", by_alias=True, exclude_none=True), data, seen)
    texts = {key: value if value is None else str(value) for key, value in filled.items() if key != "status"}
    return SpecError(status=filled["status"], **texts)
