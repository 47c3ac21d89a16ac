"""Names what a document uses and this runtime does not do yet, before anything else is looked at.

It walks the raw document and tolerates any shape: what is malformed is left to the models.
"""

from collections.abc import Iterator
from typing import Any

from durable.workflow.catalog import CATALOG
from durable.workflow.dsl.mistakes import Mistake, pointer
from durable.workflow.dsl.tasks import kind_of

MAX_NESTING = 16
TOP_LEVEL = {"document", "input", "use", "do", "output"}
PROTOCOLS = ("asyncapi", "grpc", "http", "openapi", "a2a", "mcp")
UNUSED_PARTS = ("authentications", "extensions", "functions", "secrets", "timeouts", "catalogs")

Path = tuple[str | int, ...]


def unsupported(document: dict[str, Any]) -> list[Mistake]:
    """Every use of what is not supported, in document order."""
    return list(_document(document))


def _no(what: str, *path: str | int) -> Mistake:
    return Mistake(pointer(*path), f"not supported: {what}", "not-supported")


def _document(document: dict[str, Any]) -> Iterator[Mistake]:
    for key in document:
        if key not in TOP_LEVEL:
            yield _no(key, key)
    use = document.get("use")
    if isinstance(use, dict):
        yield from (_no(f"use.{part}", "use", part) for part in UNUSED_PARTS if use.get(part))
        retries = use.get("retries")
        for name, policy in retries.items() if isinstance(retries, dict) else ():
            yield from _retry(policy, ("use", "retries", name))
    yield from _data_flow(document, ())
    yield from _tasks(document.get("do"), ("do",))


def _tasks(tasks: Any, path: Path) -> Iterator[Mistake]:
    if len(path) > 3 * MAX_NESTING:  # a level is an index, a name and a key or two
        yield _no(f"tasks nested more than {MAX_NESTING} deep", *path)
        return
    for index, item in enumerate(tasks if isinstance(tasks, list) else ()):
        for name, task in item.items() if isinstance(item, dict) else ():
            if isinstance(task, dict):
                yield from _task(task, (*path, index, name))


def _task(task: dict[str, Any], path: Path) -> Iterator[Mistake]:
    kind = kind_of(task)
    if kind in ("listen", "run"):
        what = task[kind]
        inner = (
            next((key for key in ("container", "script", "shell", "workflow") if key in what), "")
            if (kind == "run" and isinstance(what, dict))
            else ""
        )
        yield _no(f"{kind} {inner}".strip(), *path)
        return
    if kind == "call":
        yield from _call(task["call"], path)
    if "timeout" in task:
        yield _no("timeout", *path, "timeout")
    yield from _data_flow(task, path)
    yield from _nested(task, kind, path)


def _call(name: Any, path: Path) -> Iterator[Mistake]:
    if isinstance(name, str) and name in PROTOCOLS:
        yield _no(f"call {name}", *path)
    elif isinstance(name, str) and name not in CATALOG:
        yield _no(f"function {name} (it is not in the catalog)", *path)


def _data_flow(holder: dict[str, Any], path: Path) -> Iterator[Mistake]:
    for key in ("input", "output", "export"):
        part = holder.get(key)
        schema = part.get("schema") if isinstance(part, dict) else None
        if not isinstance(schema, dict):
            continue
        if "resource" in schema:
            yield _no("schema from an external resource", *path, key, "schema", "resource")
        if str(schema.get("format", "json")).split(":")[0] != "json":
            yield _no(f"schema format {schema['format']}", *path, key, "schema", "format")


def _nested(task: dict[str, Any], kind: str, path: Path) -> Iterator[Mistake]:
    if kind in ("do", "for"):
        yield from _tasks(task.get("do"), (*path, "do"))
    if kind == "fork" and isinstance(task["fork"], dict):
        yield from _tasks(task["fork"].get("branches"), (*path, "fork", "branches"))
    if kind == "try":
        yield from _tasks(task["try"], (*path, "try"))
        catch = task.get("catch")
        if isinstance(catch, dict):
            yield from _retry(catch.get("retry"), (*path, "catch", "retry"))
            yield from _tasks(catch.get("do"), (*path, "catch", "do"))
    metadata = task.get("metadata")
    undo = metadata.get("compensation") if isinstance(metadata, dict) else None
    if isinstance(undo, dict):
        yield from _tasks(undo.get("do"), (*path, "metadata", "compensation", "do"))


def _retry(policy: Any, path: Path) -> Iterator[Mistake]:
    limit = policy.get("limit") if isinstance(policy, dict) else None
    attempt = limit.get("attempt") if isinstance(limit, dict) else None
    if isinstance(attempt, dict) and "duration" in attempt:
        yield _no("a time limit for each attempt", *path, "limit", "attempt", "duration")
