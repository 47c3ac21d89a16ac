"""What calls must also hold: their authentications and secrets are declared, and of a kind that works unattended."""

from collections.abc import Iterator
from typing import Any

from durable.workflow.deferral import secret_names
from durable.workflow.dsl.authentication import SCHEMES
from durable.workflow.dsl.base import DslModel
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.mistakes import Mistake, pointer
from durable.workflow.dsl.walk import Path, every_task
from durable.workflow.expressions import expressions_in, program_of

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
