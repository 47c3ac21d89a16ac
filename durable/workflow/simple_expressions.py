"""The expressions that most definitions have, evaluated without asking a process for them: a small, total part of jq.

Paths, literals, strings with `\\(…)`, objects and arrays of those, `+` and comparisons, in brackets. There is no
function, no loop and no second output in it. Whatever it is not sure to do as jq does it leaves to jq: other syntax,
other types, fractions, numbers past 2^53, errors. That is a matter of program and data alone, so replays are equal.
"""

import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Arguments = Mapping[str, Any]
Simple = Callable[[Any, Arguments], Any]

MAX_CHARS, MAX_DEPTH = 1_000, 20
MAX_TEXT_CHARS, MAX_CONTAINERS = 10_000, 8
"""A text that is made, values with members that are put into one: past that the memory limit of jq's process counts."""

_MOST = 2**53
_TOKEN = re.compile(
    r"""\s*(?:([A-Za-z_]\w*)|(\$[A-Za-z_]\w*)|(\d+)(?![\w.])|(\.(?![.\d\[])|==|!=|<=|>=|[(){}\[\]:,+<>"]))""", re.ASCII
)
_TEXT = re.compile(r'[^"\\\x00-\x1f]+|\\["\\/]')
_FIELD = re.compile(r"\.([A-Za-z_]\w*)", re.ASCII)
_KEYWORDS = frozenset(
    {
        *("and", "or", "not", "if", "then", "elif", "else", "end", "def", "reduce", "foreach", "try", "catch", "label"),
        *("import", "include", "as", "true", "false", "null"),
    }
)
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
_SCALARS = frozenset({bool, type(None), str, int})
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class NotSimple(Exception):
    """It is for jq to say."""


@lru_cache(maxsize=4096)
def simple(program: str) -> Simple | None:
    """The program, None when it is not of this part of jq. What it gives raises NotSimple where the data are not."""
    if len(program) > MAX_CHARS:
        return None
    try:
        parser = _Parser(program)
        made = parser.comparison(0)
        parser.end()
    except NotSimple:
        return None
    return made


class _Parser:
    """Recursive descent; each method gives the meaning of what it has read."""

    def __init__(self, program: str) -> None:
        self._program, self._at = program, 0

    def end(self) -> None:
        if self._program[self._at :].strip():
            raise NotSimple

    def comparison(self, depth: int) -> Simple:
        left = self._sum(depth)
        sign = self._peek()
        if sign not in _COMPARE:
            return left
        self._take(sign)
        right = self._sum(depth)
        return lambda data, seen: _compared(sign, left(data, seen), right(data, seen))

    def _sum(self, depth: int) -> Simple:
        made = self._term(depth)
        while self._peek() == "+":
            self._take("+")
            made = _added(made, self._term(depth))
        return made

    def _term(self, depth: int) -> Simple:
        if depth > MAX_DEPTH:
            raise NotSimple
        token = self._next()
        match token:
            case "(":
                inner = self.comparison(depth + 1)
                self._take(")")
                return inner
            case "{":
                return self._object(depth + 1)
            case "[":
                return self._array(depth + 1)
            case '"':
                return self._text(depth + 1)
            case ".":
                self._at -= 1
                fields = self._fields()
                if not fields:
                    self._at += 1
                return lambda data, _: _follow(data, fields)
        if token in _CONSTANTS:
            return _constant(_CONSTANTS[token])
        if token.isdigit() and int(token) <= _MOST:
            return _constant(int(token))
        name, fields = token[1:], self._fields() if token[0] == "$" else ()
        if token[0] != "$" or name == "__loc__":
            raise NotSimple
        return lambda _, seen: _follow(_argument(seen, name), fields)

    def _fields(self) -> tuple[str, ...]:
        found = []
        while match := _FIELD.match(self._program, self._at):
            found.append(match[1])
            self._at = match.end()
        if self._program[self._at : self._at + 1] in ("?", "[") or self._program[self._at : self._at + 2] in (
            "..",
            '."',
        ):
            raise NotSimple
        return tuple(found)

    def _object(self, depth: int) -> Simple:
        members: dict[str, Simple] = {}
        while self._peek() != "}":
            if members:
                self._take(",")
            key = self._next()
            if not key.isidentifier() or not key.isascii() or key in _KEYWORDS or key in members:
                raise NotSimple
            if self._peek() == ":":
                self._take(":")
                members[key] = self._term(depth)
            else:
                members[key] = _member(key)
        self._take("}")
        return lambda data, seen: _held({key: value(data, seen) for key, value in members.items()})

    def _array(self, depth: int) -> Simple:
        items: list[Simple] = []
        while self._peek() != "]":
            if items:
                self._take(",")
            items.append(self.comparison(depth))
        self._take("]")
        return lambda data, seen: list(_held(dict(enumerate([item(data, seen) for item in items]))).values())

    def _text(self, depth: int) -> Simple:
        parts: list[Simple] = []
        while not self._program.startswith('"', self._at):
            if self._program.startswith("\\(", self._at):
                self._at += 2
                parts.append(self.comparison(depth))
                self._take(")")
            elif match := _TEXT.match(self._program, self._at):
                self._at = match.end()
                parts.append(_constant(match[0][-1] if match[0][0] == "\\" else match[0]))
            else:
                raise NotSimple
        self._at += 1
        return lambda data, seen: _bounded("".join(_as_text(part(data, seen)) for part in parts))

    def _peek(self) -> str:
        match = _TOKEN.match(self._program, self._at)
        return next(filter(None, match.groups())) if match else ""

    def _next(self) -> str:
        match = _TOKEN.match(self._program, self._at)
        if match is None:
            raise NotSimple
        self._at = match.end()
        return str(next(filter(None, match.groups())))

    def _take(self, wanted: str) -> None:
        if self._next() != wanted:
            raise NotSimple


def _constant(value: Any) -> Simple:
    return lambda *_: value


def _member(key: str) -> Simple:
    return lambda data, _: _follow(data, (key,))


def _argument(seen: Arguments, name: str) -> Any:
    if name not in seen:
        raise NotSimple
    return seen[name]


def _follow(value: Any, fields: tuple[str, ...]) -> Any:
    for field in fields:
        if isinstance(value, dict):
            value = value.get(field)
        elif value is not None:
            raise NotSimple
    return value


def _added(left: Simple, right: Simple) -> Simple:
    return lambda data, seen: _sum_of(left(data, seen), right(data, seen))


def _sum_of(left: Any, right: Any) -> Any:
    if type(left) is str and type(right) is str:
        return _bounded(left + right)
    if type(left) is int and type(right) is int and abs(left) <= _MOST and abs(right) <= _MOST:
        return _exact(left + right)
    raise NotSimple


def _compared(sign: str, left: Any, right: Any) -> bool:
    kind, other = type(left), type(right)
    if kind is int and other is int:
        return _COMPARE[sign](_exact(left), _exact(right))
    if kind is str and other is str:  # by code points, which is the order of their UTF-8 bytes, jq's
        return _COMPARE[sign](left, right)
    if sign in ("==", "!=") and kind in _SCALARS and other in _SCALARS:
        return (kind is other and left == right) == (sign == "==")
    raise NotSimple


def _exact(number: int) -> int:
    if abs(number) > _MOST:
        raise NotSimple
    return number


def _as_text(value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:
        return str(_exact(value))
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    raise NotSimple


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT_CHARS:
        raise NotSimple
    return text


def _held(members: dict[Any, Any]) -> dict[Any, Any]:
    if sum(isinstance(value, dict | list) for value in members.values()) > MAX_CONTAINERS:
        raise NotSimple
    return members
