"""Names what a definition uses and this runtime does not do; the tables of refusals say what that is, by topic."""

from collections.abc import Iterator

from durable.workflow.catalog import catalog_name
from durable.workflow.dsl import refused_calls, refused_events, refused_flow
from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.features import features
from durable.workflow.dsl.mistakes import Mistake, pointer
from durable.workflow.dsl.permissions import Permissions
from durable.workflow.dsl.processes import RunScript, RunShell
from durable.workflow.dsl.resources import uri_of
from durable.workflow.dsl.walk import Path, every_task

REFUSED: dict[str, str] = {**refused_calls.REFUSED, **refused_events.REFUSED, **refused_flow.REFUSED}


def unsupported(definition: Definition, permissions: Permissions) -> list[Mistake]:
    """Every use of what is not supported, or not allowed by the operator, with its place."""
    refused = [_no(name, path, REFUSED[name]) for name, path in features(definition) if name in REFUSED]
    return [*refused, *_unknown_functions(definition), *_not_allowed(definition, permissions)]


def _no(what: str, path: Path, why: str) -> Mistake:
    return Mistake(pointer(*path), f"not supported: {what} ({why})", "not-supported")


def _unknown_functions(definition: Definition) -> Iterator[Mistake]:
    for visit in every_task(definition):
        if isinstance(visit.task, dsl.CallFunction) and not _is_known(visit.task.call, definition):
            yield _no(f"function {visit.task.call}", visit.path, "it is neither in the catalog nor in use.functions")


def _is_known(name: str, definition: Definition) -> bool:
    return name in definition.use.functions or bool(catalog_name(name)) or "://" in name or "@" in name


def _not_allowed(definition: Definition, permissions: Permissions) -> Iterator[Mistake]:
    for visit in every_task(definition):
        if not permissions.files:
            for path in _files(visit.task):
                yield _no("a file", (*visit.path, *path), "the operator has no folder: PLATFORM_WORKFLOW_RESOURCES_DIR")
        if not isinstance(visit.task, dsl.RunTask) or not isinstance(visit.task.run, RunScript | RunShell):
            continue
        what = visit.task.run.tag.removeprefix("by:")
        if not permissions.processes:
            yield _no(f"run {what}", visit.path, "the operator does not allow it: PLATFORM_WORKFLOW_PROCESSES")
        elif isinstance(visit.task.run, RunScript) and not permissions.runs(visit.task.run.script.language):
            path = (*visit.path, "run", "script", "language")
            known = ", ".join(sorted(permissions.languages))
            yield _no(f"language {visit.task.run.script.language}", path, f"scripts here are {known}")


def _files(task: dsl.Task) -> Iterator[Path]:
    """Where the task needs a file of the operator's folder."""
    place: Path
    match task:
        case dsl.CallGrpc():
            place, resource = ("with", "proto"), task.with_.proto
        case dsl.CallOpenApi():
            place, resource = ("with", "document"), task.with_.document
        case dsl.RunTask(run=RunScript(script=script)) if script.source is not None:
            place, resource = ("run", "script", "source"), script.source
        case _:
            return
    if uri_of(resource.endpoint).startswith("file://"):
        yield (*place, "endpoint")
