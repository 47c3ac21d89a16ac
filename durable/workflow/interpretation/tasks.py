"""Runs task lists and tasks: the data flow around each task, its directive, its record."""

from typing import Any

from durable.workflow.dsl import tasks as dsl
from durable.workflow.faults import Cancelled, Fault
from durable.workflow.interpretation.bodies import run_body
from durable.workflow.interpretation.deadlines import limited
from durable.workflow.interpretation.effects import flush
from durable.workflow.interpretation.extensions import woven
from durable.workflow.interpretation.run import Completed, Place, Result, Run, Steps, moment
from durable.workflow.models import TaskState


def run_list(run: Run, tasks: dsl.TaskList, path: str, data: Any, variables: dict[str, Any]) -> Steps[Result]:
    """Run a list from its first task until it ends, exits or goes past the last one."""
    result = yield from walk_list(run, tasks, path, data, variables)
    return Result(result.output) if result.then == "exit" else result


def walk_list(run: Run, tasks: dsl.TaskList, path: str, data: Any, variables: dict[str, Any]) -> Steps[Result]:
    """The same; also says whether the list was left by `exit`."""
    named = dsl.items(tasks)
    places = {name: index for index, (name, _) in reversed(list(enumerate(named)))}
    index = 0
    while index < len(named):
        name, task = named[index]
        place = Place(name, f"{path}/{index}/{name}")
        result = yield from run_task(run, task, place, data, variables)
        data = result.output
        if result.then in ("end", "exit"):
            return result
        index = index + 1 if result.then in (None, "continue") else places[result.then]
    return Result(data)


def run_task(run: Run, task: dsl.Task, place: Place, raw: Any, variables: dict[str, Any]) -> Steps[Result]:
    """Run one task, or skip it when its condition does not hold; then its raw input is its output."""
    run.check_goes_on()
    try:
        run.count_task()
        if run.trail.full:
            yield from flush(run, "running")
        descriptor = _descriptor(run, place, raw)
        seen = run.arguments(variables, task=descriptor)
        if task.if_ is not None and not run.holds(task.if_, raw, seen):
            return Result(raw)
        state = run.trail.begin(place.name, place.reference, run.now(), raw)
    except Fault as fault:
        raise Fault(fault.error.at(place.reference)) from None
    try:
        return (yield from _recorded(run, task, place, descriptor, variables, state))
    except Fault as fault:
        error = fault.error.at(place.reference)
        run.trail.end(state, "faulted", run.now(), error=error)
        raise Fault(error) from None
    except Cancelled:
        run.trail.end(state, "cancelled", run.now())
        raise


def _recorded(
    run: Run,
    task: dsl.Task,
    place: Place,
    descriptor: dict[str, Any],
    variables: dict[str, Any],
    state: TaskState,
) -> Steps[Result]:
    data = _take(run, task, descriptor["input"], run.arguments(variables, task=descriptor))
    body = run_body(run, task, place, data, variables, descriptor, state)
    if run.definition.use.extensions:
        body = woven(run, task, place, descriptor, variables, body)
    seen = run.arguments(variables, task=descriptor, input=data)
    result = yield from limited(run, task.timeout, body, data, seen)
    descriptor = {**descriptor, "output": result.output}
    output = _give(run, task, result.output, run.arguments(variables, task=descriptor, input=data))
    _export(run, task, output, run.arguments(variables, task=descriptor, input=data, output=output))
    if task.metadata is not None and task.metadata.compensation is not None:
        frozen = {"input": data, "output": output}
        undo = task.metadata.compensation.do
        run.completed.append(Completed(place.reference, undo, frozen, run.data, dict(variables)))
    run.trail.end(state, "completed", run.now(), output=output)
    return Result(output, result.then or task.then)


def _descriptor(run: Run, place: Place, raw: Any) -> dict[str, Any]:
    started = moment(run.context.current_utc_datetime)
    return {
        "name": place.name,
        "reference": place.reference,
        "definition": _at(run.document, place.reference),
        "input": raw,
        "startedAt": started,
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
