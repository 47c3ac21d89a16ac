"""Which features of the DSL a definition uses, each with its place. The names are those of the tables of refusals."""

from collections.abc import Iterator

from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.failures import RetryPolicy
from durable.workflow.dsl.resources import uri_of
from durable.workflow.dsl.schemas import every_schema
from durable.workflow.dsl.topic import is_topic
from durable.workflow.dsl.walk import Path, every_task

Used = tuple[str, Path]
"""A feature's name and where it is used."""

TESTED_VERSION = "1.0.3"
MAX_NESTING = 16
PARTS = ("authentications", "errors", "extensions", "functions", "retries", "secrets", "timeouts", "catalogs")
STARTS = ("every", "cron", "after", "on")


def features(definition: Definition) -> Iterator[Used]:
    """Every use of every feature that has a name of its own, in document order."""
    if not definition.document.dsl.startswith("1.0.") or "-" in definition.document.dsl:
        yield "dsl other than 1.0", ("document", "dsl")
    for key in definition.model_extra or {}:
        yield "unknown key", (key,)
    yield from _parts(definition)
    yield from _schemas(definition)
    if definition.timeout is not None:
        yield "workflow timeout", ("timeout",)
    if definition.schedule is not None:
        for start in STARTS:
            if getattr(definition.schedule, start) is not None:
                yield f"schedule {start}", ("schedule", start)
    for visit in every_task(definition):
        if visit.depth == MAX_NESTING:
            yield "deep nesting", visit.path
        yield from _of_task(visit.task, visit.path)


def _parts(definition: Definition) -> Iterator[Used]:
    for part in PARTS:
        if getattr(definition.use, part):
            yield f"use.{part}", ("use", part)
    for name, policy in definition.use.retries.items():
        yield from _retry(policy, ("use", "retries", name))


def _of_task(task: dsl.Task, path: Path) -> Iterator[Used]:
    match task:
        case dsl.CallFunction():
            yield ("call function by URL" if "://" in task.call else "call function"), path
            if "@" in task.call:
                yield "call function of a catalog", path
        case dsl.RunTask():
            yield f"run {task.run.tag.removeprefix('by:')}", path
        case dsl.TryTask():
            yield "try", path
            if isinstance(task.catch.retry, RetryPolicy):
                yield from _retry(task.catch.retry, (*path, "catch", "retry"))
        case dsl.CallAsyncApi():
            yield "call asyncapi", path
            yield from _asyncapi(task, (*path, "with"))
        case _ if isinstance(task, dsl.PROTOCOL_CALLS):
            yield f"call {task.call}", path
        case _:
            yield task.kind, path
    if task.timeout is not None:
        yield "task timeout", (*path, "timeout")


def _asyncapi(task: dsl.CallAsyncApi, path: Path) -> Iterator[Used]:
    if not is_topic(task):
        yield "asyncapi other than platform://events", (*path, "document", "endpoint")
        return
    for key in ("server", "protocol", "authentication"):
        if getattr(task.with_, key) is not None:
            yield "asyncapi server", (*path, key)
    if task.with_.subscription is not None and task.with_.subscription.consume.for_ is not None:
        yield "asyncapi consume for", (*path, "subscription", "consume", "for")


def _retry(policy: RetryPolicy, path: Path) -> Iterator[Used]:
    if policy.limit is not None and policy.limit.attempt is not None and policy.limit.attempt.duration is not None:
        yield "retry attempt duration", (*path, "limit", "attempt", "duration")


def _schemas(definition: Definition) -> Iterator[Used]:
    for path, schema in every_schema(definition):
        if schema.resource is not None:
            yield "schema resource", (*path, "resource")
            endpoint = schema.resource.endpoint
            if "{" in uri_of(endpoint):
                yield "schema resource by expression", (*path, "resource", "endpoint")
            if not isinstance(endpoint, str) and endpoint.authentication is not None:
                yield "schema resource with authentication", (*path, "resource", "endpoint", "authentication")
        if schema.format.split(":")[0] != "json":
            yield "schema format other than json", (*path, "format")
