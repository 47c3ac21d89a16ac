"""Every schema of a definition; those that lie elsewhere, and the document with them in its own text."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.dataflow import Export, Input, Output, Schema
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.resources import uri_of
from durable.workflow.dsl.walk import Path, every_task


def every_schema(definition: Definition) -> Iterator[tuple[Path, Schema]]:
    """Every schema with its place, in document order."""
    yield from _of(definition, ())
    for visit in every_task(definition):
        yield from _of(visit.task, visit.path)
        match visit.task:
            case dsl.ListenTask(foreach=each):
                yield from _of(each, (*visit.path, "foreach"))
            case dsl.CallAsyncApi() if visit.task.with_.subscription is not None:
                below = ("with", "subscription", "foreach")
                yield from _of(visit.task.with_.subscription.foreach, (*visit.path, *below))


def elsewhere(definition: Definition) -> dict[Path, str]:
    """Where the schemas lie that are not in the definition itself, by their place in it."""
    found = every_schema(definition)
    return {path: uri_of(schema.resource.endpoint) for path, schema in found if schema.resource is not None}


def inlined(document: dict[str, Any], found: Mapping[Path, Any]) -> dict[str, Any]:
    """The document with these schemas in place of where they lie."""
    made = deepcopy(document)
    for path, schema in found.items():
        here: Any = made
        for part in path:
            here = here[part]
        del here["resource"]
        here["document"] = schema
    return made


def _of(holder: Any, path: Path) -> Iterator[tuple[Path, Schema]]:
    for key in ("input", "output", "export"):
        part = getattr(holder, key, None)
        if isinstance(part, Input | Output | Export) and part.schema_ is not None:
            yield (*path, key, "schema"), part.schema_
