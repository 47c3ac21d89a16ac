"""use.extensions: tasks that run before and after the tasks that they extend."""

from typing import Any

from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.definition import Extension
from durable.workflow.interpretation import tasks as lists
from durable.workflow.interpretation.deadlines import scoped
from durable.workflow.interpretation.frames import Frame
from durable.workflow.interpretation.run import Place, Result, Run, Scope, Steps

ROOT = "/use/extensions"
COMPOSITE = ("do", "fork")


def woven(
    run: Run,
    task: dsl.Task,
    place: Place,
    descriptor: dict[str, Any],
    variables: dict[str, Any],
    body: Steps[Result],
    frame: Frame,
) -> Steps[Result]:
    """The task's body with what extends it: `before` in declared order, `after` in reverse.

    They get the task's raw input, or its raw output, and see the extended task as `$task`, with its definition's own
    members in it, as the specification's examples read them. What they give is dropped, except that an `exit` among
    the tasks before bypasses the task: what they gave until then is its output.
    """
    definition = descriptor["definition"] if isinstance(descriptor["definition"], dict) else {}
    inner = {**variables, "task": {**definition, **descriptor}}
    if "extensions" not in frame:  # else the body goes on in its middle
        matching = [] if place.reference.startswith(ROOT) else _matching(run, task, descriptor["input"], inner)
        for path in matching:
            tasks = _extension(run, path).before or []
            before = yield from _aside(run, tasks, f"{path}/before", descriptor["input"], inner)
            if before.then in ("exit", "end"):
                return Result(before.output, "end" if before.then == "end" else None)
        frame["extensions"] = matching
    result = yield from body
    inner["task"]["output"] = result.output
    for path in reversed(frame["extensions"]):
        after = yield from _aside(run, _extension(run, path).after or [], f"{path}/after", result.output, inner)
        if after.then == "end":
            return Result(result.output, "end")
    return result


def _aside(run: Run, tasks: dsl.TaskList, path: str, data: Any, variables: dict[str, Any]) -> Steps[Result]:
    """The tasks of an extension; a fresh execution does not go on in their middle."""
    return (yield from scoped(run, Scope(is_resumable=False), lists.walk_list(run, tasks, path, data, variables)))


def _matching(run: Run, task: dsl.Task, raw: Any, variables: dict[str, Any]) -> list[str]:
    """The paths of the extensions that are for this task, here and now."""
    named = [(index, *pair) for index, item in enumerate(run.definition.use.extensions) for pair in item.items()]
    return [
        f"{ROOT}/{index}/{name}"
        for index, name, extension in named
        if extends(extension, task)
        and (extension.when is None or run.holds(extension.when, raw, run.arguments(variables)))
    ]


def _extension(run: Run, path: str) -> Extension:
    index, name = path.removeprefix(f"{ROOT}/").split("/", 1)
    return run.definition.use.extensions[int(index)][name]


def extends(extension: Extension, task: dsl.Task) -> bool:
    """Whether the extension is for tasks of this kind."""
    if extension.extend == "composite":
        return task.kind in COMPOSITE
    return extension.extend in ("all", task.kind)
