"""Expressions that wait for the activity: what reads `$secrets` or `$authorization` is evaluated where the call is
made, so that its value is in no history.

The orchestrator leaves an empty place for each and sends the expression beside it. Evaluated data is never taken for
an expression again.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from chassis.models import Contract
from durable.workflow.dsl.texts import is_runtime_expression
from durable.workflow.expressions import CLOCK, Evaluator, mentioned, program_of, reads_clock

PRIVATE = ("secrets", "authorization")
"""The arguments whose values are known to activities alone."""

_NAMED = re.compile(r"""\$secrets\s*(?:\.\s*([A-Za-z_]\w*)|\.?\s*\[\s*"([^"\\]*)"\s*\]|\.\s*"([^"\\]*)")""")
_ANY = re.compile(r"\$secrets(?!\w)")


class Deferred(Contract):
    """One expression and its place: the keys and indexes that lead to it."""

    place: tuple[str | int, ...]
    program: str


class Scope(Contract):
    """What deferred expressions see: their data and the arguments that they mention."""

    data: Any = None
    arguments: dict[str, Any] = {}


def is_private(text: str) -> bool:
    """Whether the text is an expression that reads what only activities know."""
    return is_runtime_expression(text) and bool(mentioned(program_of(text), dict.fromkeys(PRIVATE)))


def defer(template: Any, place: tuple[str | int, ...] = ()) -> tuple[Any, list[Deferred]]:
    """The template with None in place of each private expression, and those expressions."""
    if isinstance(template, str):
        return (None, [Deferred(place=place, program=program_of(template))]) if is_private(template) else (template, [])
    if isinstance(template, dict):
        parts = {key: defer(item, (*place, key)) for key, item in template.items()}
        return {key: part for key, (part, _) in parts.items()}, [each for _, found in parts.values() for each in found]
    if isinstance(template, list):
        items = [defer(item, (*place, index)) for index, item in enumerate(template)]
        return [part for part, _ in items], [each for _, found in items for each in found]
    return template, []


def scope_of(deferred: Iterable[Deferred], data: Any, arguments: Mapping[str, Any]) -> Scope:
    """What the expressions will need, and nothing else."""
    known = {name: value for name, value in arguments.items() if name not in PRIVATE}
    needed: dict[str, Any] = {}
    count = 0
    for each in deferred:
        needed |= _seen(each.program, known)
        count += 1
    return Scope(data=data if count else None, arguments=needed)


def secret_names(program: str, declared: Iterable[str]) -> set[str]:
    """The declared secrets that the program may read: all of them when it does not name them one by one."""
    found = {next(filter(None, match.groups()), "") for match in _NAMED.finditer(program)}
    if len(_ANY.findall(program)) > len(_NAMED.findall(program)):
        return set(declared)
    return found


def fill_deferred(
    template: Any, deferred: Iterable[Deferred], evaluator: Evaluator, scope: Scope, private: Mapping[str, Any]
) -> Any:
    """The template with every deferred expression's value in its place. Raises ExpressionError."""
    known = {**scope.arguments, **private}
    for each in deferred:
        value = evaluator.evaluate(each.program, scope.data, _seen(each.program, known))
        template = _put(template, each.place, value)
    return template


def _seen(program: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """What the program mentions, and the orchestration's time when it asks for it."""
    clock = {CLOCK: known.get(CLOCK)} if reads_clock(program) else {}
    return {**mentioned(program, known), **clock}


def _put(template: Any, place: tuple[str | int, ...], value: Any) -> Any:
    if not place:
        return value
    head, rest = place[0], place[1:]
    if isinstance(template, dict):
        return {**template, head: _put(template[head], rest, value)}
    return [_put(item, rest, value) if index == head else item for index, item in enumerate(template)]
