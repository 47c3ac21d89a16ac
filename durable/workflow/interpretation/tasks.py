"""Runs task lists and tasks: the data flow around each task, its directive, its record."""

from typing import Any

from durable.workflow.dsl import tasks as dsl
from durable.workflow.faults import Cancelled, Fault
from durable.workflow.interpretation.bodies import run_body
from durable.workflow.interpretation.deadlines import limited
from durable.workflow.interpretation.effects import flush
from durable.workflow.interpretation.extensions import woven
from durable.workflow.interpretation.frames import Frame
from durable.workflow.interpretation.run import Completed, Place, Result, Run, Steps, moment_of
from durable.workflow.models import TaskState


def run_list(run: Run, tasks: dsl.TaskList, path: str, data: Any, variables: dict[str, Any]) -> Steps[Result]:
    """Run a list from its first task until it ends, exits or goes past the last one."""
    result = yield from walk_list(run, tasks, path, data, variables)
    return Result(result.output) if result.then == "exit" else result


def walk_list(run: Run, tasks: dsl.TaskList, path: str, data: Any, variables: dict[str, Any]) -> Steps[Result]:
    """The same; also says whether the list was left by `exit`."""
    named = dsl.items(tasks)
    places = {name: index for index, (name, _) in reversed(list(enumerate(named)))}
    with run.frame(index=0, data=data) as frame:
        while frame["index"] < len(named):
            run.check_history()
            name, task = named[frame["index"]]
            place = Place(name, f"{path}/{frame['index']}/{name}")
            try:
                result = yield from run_task(run, task, place, frame["data"], variables)
            except Fault as fault:
                if fault.frames is None and run.is_resumable:
                    fault.frames = run.frames.as_json()
                raise
            frame["data"] = result.output
            if result.then in ("end", "exit"):
                return result
            goes_on = result.then in (None, "continue")
            frame["index"] = frame["index"] + 1 if goes_on else places[str(result.then)]
        return Result(frame["data"])


def run_task(run: Run, task: dsl.Task, place: Place, raw: Any, variables: dict[str, Any]) -> Steps[Result]:
    """Run one task, or skip it when its condition does not hold; then its raw input is its output."""
    run.check_goes_on()
    with run.frame() as frame:
        try:
            if not frame:
                begun = yield from _begin(run, task, place, raw, variables)
                if begun is None:
                    return Result(raw)
                frame.update(state=begun, raw=raw, started=run.now())
            state = TaskState.model_validate(frame["state"])
        except Fault as fault:
            raise Fault(fault.error.at(place.reference), fault.frames) from None
        try:
            return (yield from _recorded(run, task, place, variables, state, frame))
        except Fault as fault:
            error = fault.error.at(place.reference)
            run.trail.end(state, "faulted", run.now(), error=error)
            raise Fault(error, fault.frames) from None
        except Cancelled:
            run.trail.end(state, "cancelled", run.now())
            raise


def _begin(run: Run, task: dsl.Task, place: Place, raw: Any, variables: dict[str, Any]) -> Steps[TaskState | None]:
    """Note that the task begins; None when its condition does not hold."""
    run.count_task()
    if run.trail.full:
        yield from flush(run, "running")
    seen = run.arguments(variables, task=_descriptor(run, place, raw, run.now()))
    if task.if_ is not None and not run.holds(task.if_, raw, seen):
        return None
    return run.trail.begin(place.name, place.reference, run.now(), raw)


def _recorded(
    run: Run, task: dsl.Task, place: Place, variables: dict[str, Any], state: TaskState, frame: Frame
) -> Steps[Result]:
    descriptor = _descriptor(run, place, frame["raw"], frame["started"])
    if "data" not in frame:
        frame["data"] = _take(run, task, frame["raw"], run.arguments(variables, task=descriptor))
    data = frame["data"]
    body = run_body(run, task, place, data, variables, descriptor, state)
    if run.definition.use.extensions:
        body = woven(run, task, place, descriptor, variables, body, frame)
    seen = run.arguments(variables, task=descriptor, input=data)
    result = yield from limited(run, task.timeout, body, data, seen, frame)
    descriptor = {**descriptor, "output": result.output}
    output = _give(run, task, result.output, run.arguments(variables, task=descriptor, input=data))
    _export(run, task, output, run.arguments(variables, task=descriptor, input=data, output=output))
    if task.metadata is not None and task.metadata.compensation is not None:
        frozen = {"input": data, "output": output}
        undo = task.metadata.compensation.do
        run.completed.append(Completed(place.reference, undo, frozen, run.data, dict(variables)))
    run.trail.end(state, "completed", run.now(), output=output)
    return Result(output, result.then or task.then)


def _descriptor(run: Run, place: Place, raw: Any, started: str) -> dict[str, Any]:
    return {
        "name": place.name,
        "reference": place.reference,
        "definition": _at(run.document, place.reference),
        "input": raw,
        "startedAt": moment_of(started),
    }


def _at(document: Any, reference: str) -> Any:
    """The raw definition at a reference; a task's name may itself hold a slash."""
    parts = reference.strip("/").split("/")
    while parts:
        for length in range(1, len(parts) + 1):
            key = "/".join(parts[:length])
            if isinstance(document, list) and key.isdigit() and int(key) < len(document):
                document, parts = document[int(key)], parts[length:]
                break
            if isinstance(document, dict) and key in document:
                document, parts = document[key], parts[length:]
                break
        else:
            return None
    return document


def _take(run: Run, task: dsl.Task, raw: Any, seen: dict[str, Any]) -> Any:
    if task.input is None:
        return raw
    run.check_schema(task.input.schema_, raw, "the task's input")
    return run.transform(task.input.from_, raw, seen)


def _give(run: Run, task: dsl.Task, raw: Any, seen: dict[str, Any]) -> Any:
    output = run.transform(task.output.as_, raw, seen) if task.output else raw
    run.check_size(output, "the task's output")
    run.check_schema(task.output.schema_ if task.output else None, output, "the task's output")
    return output


def _export(run: Run, task: dsl.Task, output: Any, seen: dict[str, Any]) -> None:
    if task.export is None or task.export.as_ is None:
        return
    data = run.transform(task.export.as_, output, seen)
    run.check_size(data, "the workflow's context")
    run.check_schema(task.export.schema_, data, "the exported context")
    run.data = data
