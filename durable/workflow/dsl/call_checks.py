"""What calls must also hold: their authentications and secrets are declared, and of a kind that works unattended."""

from collections.abc import Iterator
from typing import Any

from durable.workflow.catalog import CATALOG, argument_mistakes, catalog_name
from durable.workflow.cataloged import cataloged
from durable.workflow.deferral import secret_names
from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.authentication import SCHEMES
from durable.workflow.dsl.base import DslModel
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.mistakes import Mistake, pointer
from durable.workflow.dsl.walk import Path, every_task, tasks_within
from durable.workflow.expressions import Evaluator, expressions_in, program_of

ATTENDED = ("authorization_code", "refresh_token")
"""Grants that begin with a person at a browser, whom a workflow does not have."""


def check_calls(definition: Definition) -> Iterator[Mistake]:
    """Every mistake in what calls name, in document order."""
    for visit in every_task(definition):
        for key in ("with", "run"):
            part = getattr(visit.task, f"{key}_" if key == "with" else key, None)
            if isinstance(part, DslModel):
                yield from _part(definition, part.model_dump(by_alias=True, exclude_unset=True), (*visit.path, key))
    for name, policy in definition.use.authentications.items():
        given = policy.model_dump(by_alias=True, exclude_unset=True)
        yield from _policy(definition, given, ("use", "authentications", name))
        yield from _secrets(definition, given, ("use", "authentications", name))
    yield from _functions(definition)
    for name, catalog in definition.use.catalogs.items():
        yield from _part(definition, catalog.model_dump(by_alias=True, exclude_unset=True), ("use", "catalogs", name))


def _part(definition: Definition, value: dict[str, Any], path: Path) -> Iterator[Mistake]:
    for found, place in _authentications(value, path):
        yield from _policy(definition, found, place)
    yield from _secrets(definition, value, path)


def _authentications(value: Any, path: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Every `authentication` of the models; what a body or parameters hold is data."""
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "authentication" and isinstance(item, dict):
            yield item, (*path, key)
        elif key in ("endpoint", "document", "proto", "service", "source", "script"):
            yield from _authentications(item, (*path, key))


def _policy(definition: Definition, policy: dict[str, Any], path: Path) -> Iterator[Mistake]:
    named = policy.get("use")
    if named is not None and named not in definition.use.authentications:
        yield Mistake(pointer(*path, "use"), f"there is no authentication {named} in use.authentications")
    for scheme in SCHEMES:
        properties = policy.get(scheme)
        if not isinstance(properties, dict):
            continue
        secret = properties.get("use")
        if secret is not None and secret not in definition.use.secrets:
            yield Mistake(pointer(*path, scheme, "use"), f"there is no secret {secret} in use.secrets")
        if properties.get("grant") in ATTENDED:
            reason = f"not supported: the grant {properties['grant']} (it needs a person at a browser)"
            yield Mistake(pointer(*path, scheme, "grant"), reason, "not-supported")
        if scheme in ("oauth2", "oidc") and secret is None and "authority" not in properties:
            yield Mistake(pointer(*path, scheme), f"an {scheme} authentication needs an authority")


def _secrets(definition: Definition, value: Any, path: Path) -> Iterator[Mistake]:
    declared = definition.use.secrets
    for text in expressions_in(value):
        for name in sorted(secret_names(program_of(text), declared) - set(declared)):
            yield Mistake(pointer(*path), f"there is no secret {name} in use.secrets")


def check_arguments(name: str, arguments: dict[str, Any], path: Path, evaluator: Evaluator) -> Iterator[Mistake]:
    """What is wrong with a catalog call that can be known before its expressions have values."""
    for reason in argument_mistakes(name, arguments):
        yield Mistake(pointer(*path), reason)
    properties = CATALOG[name].input["properties"]
    for key, value in arguments.items():
        if key in properties and not expressions_in(value):
            for reason in evaluator.violations(properties[key], value):
                yield Mistake(pointer(*path, key), reason.removesuffix(" at /"))


def _functions(definition: Definition) -> Iterator[Mistake]:
    """Catalogs that are not declared, and functions that end up calling themselves."""
    for visit in every_task(definition):
        if not isinstance(visit.task, dsl.CallFunction) or visit.task.call in definition.use.functions:
            continue
        found = cataloged(visit.task.call)
        if found and found[2] not in definition.use.catalogs and not catalog_name(visit.task.call):
            what = "function of the catalog default" if found[2] == "default" else "catalog in use.catalogs"
            yield Mistake(pointer(*visit.path, "call"), f"there is no {what} for {visit.task.call}")
        elif "@" in visit.task.call and not found:
            reason = f"not supported: {visit.task.call} (a cataloged function is called as name:version@catalog)"
            yield Mistake(pointer(*visit.path, "call"), reason, "not-supported")
    calls = {name: _called(name, task, definition) for name, task in definition.use.functions.items()}
    for name in calls:
        if name in _reached(calls, name):
            yield Mistake(pointer("use", "functions", name), f"the function {name} ends up calling itself")


def _called(name: str, task: dsl.Task, definition: Definition) -> set[str]:
    visits = tasks_within(name, task)
    called = {visit.task.call for visit in visits if isinstance(visit.task, dsl.CallFunction)}
    return called & set(definition.use.functions)


def _reached(calls: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    ahead = set(calls[start])
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead |= calls[name]
    return reached
