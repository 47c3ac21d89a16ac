"""ASP.NET Core route templates: `{id}`, `{id:int}`, `{id?}`, `{id=5}`, `{*rest}`.

Source: https://learn.microsoft.com/aspnet/core/fundamentals/routing (templates, constraints, precedence)
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

_PARAMETER = re.compile(
    r"\{(?P<star>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[^{}=?]+(?:\([^)]*\))?)*)"
    r"(?:=(?P<default>[^{}]*))?(?P<optional>\?)?\}"
)
_CONSTRAINT = re.compile(r":(?P<name>\w+)(?:\((?P<argument>[^)]*)\))?")
_LITERAL, _CONSTRAINED, _PLAIN, _CONSTRAINED_REST, _REST = range(1, 6)  # precedence: lower matches first

Check = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class RouteTemplate:
    """A compiled template; `precedence` sorts the more specific first."""

    pattern: re.Pattern[str]
    checks: tuple[tuple[str, Check], ...]
    defaults: tuple[tuple[str, str], ...]
    precedence: tuple[int, ...]
    literal: str | None

    def match(self, path: str) -> dict[str, str] | None:
        """The route parameters, or None when the path (without its leading slash) does not fit."""
        match = self.pattern.fullmatch(path)
        if match is None:
            return None
        values = {name: value for name, value in match.groupdict().items() if value}
        for name, check in self.checks:
            if name in values and not check(values[name]):
                return None
        for name, default in self.defaults:
            values.setdefault(name, default)
        return values


def parse_route(template: str) -> RouteTemplate:
    """Compile the template. Raises ValueError when it is malformed."""
    segments = [segment for segment in template.strip("/").split("/") if segment]
    expression, precedence = "", []
    checks: list[tuple[str, Check]] = []
    defaults: list[tuple[str, str]] = []
    for index, segment in enumerate(segments):
        part, rank, may_be_absent = _segment(segment, checks, defaults)
        if ("*" in segment and index < len(segments) - 1) and rank in (_REST, _CONSTRAINED_REST):
            raise ValueError(f"the catch-all of {template!r} must be its last segment")
        slash = "/" if index else ""
        expression += f"(?:{slash}{part})?" if may_be_absent else f"{slash}{part}"
        precedence.append(rank)
    is_literal = all(rank == _LITERAL for rank in precedence)
    return RouteTemplate(
        pattern=re.compile(expression, re.IGNORECASE | re.DOTALL),
        checks=tuple(checks),
        defaults=tuple(defaults),
        precedence=tuple(precedence),
        literal="/".join(segments).lower() if is_literal else None,
    )


def _segment(segment: str, checks: list[tuple[str, Check]], defaults: list[tuple[str, str]]) -> tuple[str, int, bool]:
    """Regular expression, precedence and whether the segment may be absent."""
    expression, position, rank, may_be_absent = "", 0, _LITERAL, False
    for match in _PARAMETER.finditer(segment):
        expression += _literal(segment[position : match.start()])
        position = match.end()
        constraints = [_check(*c) for c in _CONSTRAINT.findall(match["constraints"])]
        checks.extend((match["name"], check) for check in constraints)
        if match["default"] is not None:
            defaults.append((match["name"], match["default"]))
        is_rest = bool(match["star"])
        expression += f"(?P<{match['name']}>{'.*' if is_rest else '[^/]+?'})"
        rank = (_REST if is_rest else _PLAIN) - (1 if constraints else 0)
        may_be_absent = is_rest or bool(match["optional"]) or match["default"] is not None
    expression += _literal(segment[position:])
    whole = _PARAMETER.fullmatch(segment) is not None
    return expression, rank, may_be_absent and whole


def _literal(text: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError(f"unbalanced braces at {text!r}")
    return re.escape(text)


def _check(name: str, argument: str) -> Check:
    if name in _SIMPLE:
        return _SIMPLE[name]
    if name in _WITH_ARGUMENT:
        return _WITH_ARGUMENT[name](argument)
    raise ValueError(f"there is no route constraint {name!r}")


def _is_guid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _is_datetime(value: str) -> bool:
    from datetime import datetime

    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _integer(bits: int) -> Check:
    def check(value: str) -> bool:
        return re.fullmatch(r"[+-]?\d+", value) is not None and -(2 ** (bits - 1)) <= int(value) < 2 ** (bits - 1)

    return check


def _bounds(argument: str) -> tuple[int, int]:
    low, _, high = argument.partition(",")
    return int(low), int(high or low)


def _length(argument: str) -> Check:
    low, high = _bounds(argument)
    return lambda value: low <= len(value) <= high


def _range(low: float, high: float) -> Check:
    return lambda value: _integer(64)(value) and low <= int(value) <= high


_SIMPLE: dict[str, Check] = {
    "int": _integer(32),
    "long": _integer(64),
    "bool": lambda value: value.lower() in ("true", "false"),
    "alpha": lambda value: re.fullmatch(r"[A-Za-z]+", value) is not None,
    "guid": _is_guid,
    "decimal": _is_number,
    "double": _is_number,
    "float": _is_number,
    "datetime": _is_datetime,
    "required": bool,
}
_WITH_ARGUMENT: dict[str, Callable[[str], Check]] = {
    "length": _length,
    "minlength": lambda n: lambda value: len(value) >= int(n),
    "maxlength": lambda n: lambda value: len(value) <= int(n),
    "min": lambda n: _range(int(n), float("inf")),
    "max": lambda n: _range(float("-inf"), int(n)),
    "range": lambda pair: _range(*_bounds(pair)),
    "regex": lambda pattern: lambda value: re.search(pattern, value) is not None,
}
