"""use.extensions: tasks that run before and after the tasks that they extend."""

from typing import Any

from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.definition import Extension
from durable.workflow.interpretation import tasks as lists
from durable.workflow.interpretation.run import Place, Result, Run, Steps

ROOT = "/use/extensions"
COMPOSITE = ("do", "fork")


def woven(
    run: Run,
    task: dsl.Task,
    place: Place,
    descriptor: dict[str, Any],
    variables: dict[str, Any],
    body: Steps[Result],
) -> Steps[Result]:
    """The task's body with what extends it: `before` in declared order, `after` in reverse.

    They get the task's raw input, or its raw output, and see the extended task as `$task`, with its definition's own
    members in it, as the specification's examples read them. What they give is dropped, except that an `exit` among
    the tasks before bypasses the task: what they gave until then is its output.
    """
    extensions = [] if place.reference.startswith(ROOT) else list(_matching(run, task, descriptor, variables))
    definition = descriptor["definition"] if isinstance(descriptor["definition"], dict) else {}
    inner = {**variables, "task": {**definition, **descriptor}}
    for path, extension in extensions:
        before = yield from lists.walk_list(run, extension.before or [], f"{path}/before", descriptor["input"], inner)
        if before.then in ("exit", "end"):
            return Result(before.output, "end" if before.then == "end" else None)
    result = yield from body
    inner["task"]["output"] = result.output
    for path, extension in reversed(extensions):
        after = yield from lists.walk_list(run, extension.after or [], f"{path}/after", result.output, inner)
        if after.then == "end":
            return Result(result.output, "end")
    return result


def _matching(
    run: Run, task: dsl.Task, descriptor: dict[str, Any], variables: dict[str, Any]
) -> list[tuple[str, Extension]]:
    found = []
    for index, item in enumerate(run.definition.use.extensions):
        for name, extension in item.items():
            if extends(extension, task) and _applies(run, extension, descriptor, variables):
                found.append((f"{ROOT}/{index}/{name}", extension))
    return found


def extends(extension: Extension, task: dsl.Task) -> bool:
    """Whether the extension is for tasks of this kind."""
    if extension.extend == "composite":
        return task.kind in COMPOSITE
    return extension.extend in ("all", task.kind)


def _applies(run: Run, extension: Extension, descriptor: dict[str, Any], variables: dict[str, Any]) -> bool:
    if extension.when is None:
        return True
    definition = descriptor["definition"] if isinstance(descriptor["definition"], dict) else {}
    seen = run.arguments(variables, task={**definition, **descriptor})
    return run.holds(extension.when, descriptor["input"], seen)
