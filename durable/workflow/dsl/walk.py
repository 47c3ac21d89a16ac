"""Goes through every task of a definition, wherever lists of tasks may stand."""

from collections.abc import Iterator
from dataclasses import dataclass

from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.definition import Definition

Path = tuple[str | int, ...]
"""A place in a document, part by part."""


@dataclass(frozen=True)
class Visit:
    """One task: where it stands, its name, and how many tasks it stands in."""

    path: Path
    name: str
    task: dsl.Task
    depth: int


def every_task(definition: Definition) -> Iterator[Visit]:
    """Every task in document order: the workflow's, the functions' and the extensions'."""
    yield from _in_list(definition.do, ("do",), 0)
    for name, task in definition.use.functions.items():
        yield from _in_task(name, task, ("use", "functions", name), 0)
    for index, item in enumerate(definition.use.extensions):
        for name, extension in item.items():
            at = ("use", "extensions", index, name)
            yield from _in_list(extension.before or [], (*at, "before"), 0)
            yield from _in_list(extension.after or [], (*at, "after"), 0)


def tasks_within(name: str, task: dsl.Task) -> Iterator[Visit]:
    """The task itself and every task in it."""
    yield from _in_task(name, task, (), 0)


def inner_lists(task: dsl.Task) -> Iterator[tuple[Path, dsl.TaskList]]:
    """The lists of tasks within a task, each with its place below the task; those that undo it come last."""
    match task:
        case dsl.DoTask() | dsl.ForTask():
            yield ("do",), task.do
        case dsl.ForkTask():
            yield ("fork", "branches"), task.fork.branches
        case dsl.TryTask():
            yield ("try",), task.try_
            yield ("catch", "do"), task.catch.do or []
        case dsl.ListenTask() if task.foreach is not None:
            yield ("foreach", "do"), task.foreach.do or []
        case dsl.CallAsyncApi() if task.with_.subscription is not None and task.with_.subscription.foreach is not None:
            yield ("with", "subscription", "foreach", "do"), task.with_.subscription.foreach.do or []
    if task.metadata is not None and task.metadata.compensation is not None:
        yield ("metadata", "compensation", "do"), task.metadata.compensation.do


def _in_list(tasks: dsl.TaskList, path: Path, depth: int) -> Iterator[Visit]:
    for index, (name, task) in enumerate(dsl.items(tasks)):
        yield from _in_task(name, task, (*path, index, name), depth)


def _in_task(name: str, task: dsl.Task, path: Path, depth: int) -> Iterator[Visit]:
    yield Visit(path, name, task, depth)
    for below, tasks in inner_lists(task):
        yield from _in_list(tasks, (*path, *below), depth + 1)
