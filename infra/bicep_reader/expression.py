"""Evaluates Bicep expressions: literals, operators, lambdas, and the functions that our files use.

What is known only at deployment (a resource's id, another module's output) is an Unknown, which any member, index or
comparison leaves unknown. Grammar and precedence: https://learn.microsoft.com/azure/azure-resource-manager/bicep/operators
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"(?P<space>[ \t\r]+|//[^\n]*)|(?P<line>\n)|(?P<string>'(?:\\.|\$\{(?:[^{}']|'(?:\\.|[^'\\])*')*\}|[^'\\])*')"
    r"|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*)|(?P<op>\?\?|\.\?|=>|==|!=|>=|<=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])"
)
_LEVELS = (("??",), ("||",), ("&&",), ("==", "!="), (">", "<", ">=", "<="), ("+", "-"), ("*", "/", "%"))
_HOLE = re.compile(r"\$\{((?:[^{}']|'(?:\\.|[^'\\])*')*)\}")
_ESCAPE = re.compile(r"\\(.)")
Scope = Mapping[str, Any]


class ExpressionError(ValueError):
    """An expression that can't be read; the message has its text."""


@dataclass(frozen=True)
class Unknown:
    """What only a deployment knows, by what it is called."""

    text: str

    def __str__(self) -> str:
        return self.text


def evaluate(text: str, scope: Scope) -> Any:
    """The value of an expression. Raises ExpressionError for what is not known here, a name or a function."""
    reader = _Reader(text, scope)
    value = reader.expression()
    if reader.kind is not None:
        raise ExpressionError(f"{text!r}: {reader.ahead!r} is left over")
    return value


class _Reader:
    """A recursive descent over the tokens; lambdas read their text again for each element."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text, self._scope = text, scope
        self._tokens = list(_tokens(text))
        self._at = 0

    @property
    def kind(self) -> str | None:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else None

    @property
    def ahead(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def expression(self) -> Any:
        value = self._binary(0)
        if not self._took("?"):
            return value
        self._lines()
        chosen = self.expression()
        self._lines()
        self._expect(":")
        other = self.expression()
        return Unknown(f"{value} ? …") if isinstance(value, Unknown) else chosen if value else other

    def _binary(self, level: int) -> Any:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self.ahead in _LEVELS[level] and self.kind == "op":
            operator = self._take()
            left = _combined(operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Any:
        if self._took("!"):
            value = self._unary()
            return value if isinstance(value, Unknown) else not value
        if self._took("-"):
            return -self._unary()
        return self._postfix(self._primary())

    def _postfix(self, value: Any) -> Any:
        while self.kind == "op" and self.ahead in (".", ".?", "[", "!"):
            operator = self._take()
            if operator == "[":
                value = _member(value, self.expression(), maybe=False)
                self._expect("]")
            elif operator != "!":  # `!`: surely not null
                value = _member(value, self._take(), maybe=operator == ".?")
        return value

    def _primary(self) -> Any:
        self._lines()
        kind, word = self.kind, self._take()
        if kind == "number":
            return int(word)
        if kind == "string":
            return self._string(word)
        if word == "[":
            return self._array()
        if word == "{":
            return self._object()
        if word == "(":
            value = self.expression()
            self._expect(")")
            return value
        if kind != "name":
            raise ExpressionError(f"{self._text!r}: {word!r} is not expected")
        return self._call(word) if self.ahead == "(" else self._named(word)

    def _named(self, name: str) -> Any:
        constants = {"true": True, "false": False, "null": None}
        if name in constants:
            return constants[name]
        if name not in self._scope:
            raise ExpressionError(f"{self._text!r}: {name} is not known")
        return self._scope[name]

    def _call(self, name: str) -> Any:
        self._expect("(")
        arguments: list[Any] = []
        while not self._took(")"):
            self._lines()
            arguments.append(self._lambda() or self.expression())
            self._lines()
            self._took(",")
        function = self._scope.get(name) or FUNCTIONS.get(name)
        if not callable(function):
            raise ExpressionError(f"{self._text!r}: the function {name} is not known here")
        unknown = any(isinstance(argument, Unknown) for argument in arguments)
        return (
            Unknown(f"{name}(…)")
            if unknown and name not in ("guid", "subscriptionResourceId")
            else function(*arguments)
        )

    def _lambda(self) -> Callable[..., Any] | None:
        """`x => …`: called with each element; its text goes to the end of the argument."""
        if self.kind != "name" or self._at + 1 >= len(self._tokens) or self._tokens[self._at + 1][1] != "=>":
            return None
        variable = self._take()
        self._expect("=>")
        begin, depth = self._at, 0
        while not (depth == 0 and self.ahead in (",", ")")):
            depth += self.ahead in ("(", "[", "{")
            depth -= self.ahead in (")", "]", "}")
            self._at += 1
        body = " ".join(token for _, token in self._tokens[begin : self._at])
        return lambda element: evaluate(body, {**self._scope, variable: element})

    def _array(self) -> list[Any]:
        found: list[Any] = []
        self._lines()
        while not self._took("]"):
            found.append(self.expression())
            self._took(",")
            self._lines()
        return found

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._lines()
        while not self._took("}"):
            kind, key = self.kind, self._take()
            self._expect(":")
            found[self._string(key) if kind == "string" else key] = self.expression()
            self._took(",")
            self._lines()
        return found

    def _string(self, token: str) -> Any:
        """The text with its holes filled; `\\${` is no hole."""
        inner = token[1:-1].replace("\\$", "\0")
        values = [evaluate(hole, self._scope) for hole in _HOLE.findall(inner)]
        following = iter(values)
        filled = _HOLE.sub(lambda _: str(next(following)), inner)
        text = _ESCAPE.sub(r"\1", filled).replace("\0", "$")
        return Unknown(text) if any(isinstance(value, Unknown) for value in values) else text

    def _lines(self) -> None:
        while self.kind == "line":
            self._at += 1

    def _take(self) -> str:
        token = self.ahead
        self._at += 1
        return token

    def _took(self, token: str) -> bool:
        if self.ahead == token and self.kind == "op":
            self._at += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._took(token):
            raise ExpressionError(f"{self._text!r}: {token!r} is missing before {self.ahead!r}")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise ExpressionError(f"{text!r}: can't be read at {text[at : at + 20]!r}")
        if found.lastgroup != "space":
            yield found.lastgroup, found[0]
        at = found.end()


def _member(value: Any, key: Any, *, maybe: bool) -> Any:
    if isinstance(value, Unknown) or isinstance(key, Unknown):
        return Unknown(f"{value}.{key}")
    if isinstance(value, list):
        if not 0 <= key < len(value):
            raise ExpressionError(f"there is no element {key} of {len(value)}")
        return value[key]
    if isinstance(value, Mapping) and key in value:
        return value[key]
    if maybe:
        return None
    raise ExpressionError(f"{value} has no {key}")


def _combined(operator: str, left: Any, right: Any) -> Any:
    if operator == "??":
        return right if left is None else left
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown(f"{left} {operator} {right}")
    return _OPERATORS[operator](left, right)


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "||": lambda left, right: left or right,
    "&&": lambda left, right: left and right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left // right,
    "%": lambda left, right: left % right,
}


def _union(*lists: list[Any]) -> list[Any]:
    found: list[Any] = []
    for entry in (entry for entries in lists for entry in entries):
        if entry not in found:
            found.append(entry)
    return found


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "map": lambda entries, change: [change(entry) for entry in entries],
    "filter": lambda entries, test: [entry for entry in entries if test(entry)],
    "flatten": lambda entries: [inner for entry in entries for inner in entry],
    "length": len,
    "range": lambda first, count: list(range(first, first + count)),
    "concat": lambda *lists: [entry for entries in lists for entry in entries],
    "union": _union,
    "items": lambda entries: [{"key": key, "value": entries[key]} for key in sorted(entries)],
    "toObject": lambda entries, key, value: {key(entry): value(entry) for entry in entries},
    "contains": lambda entries, entry: entry in entries,
    "empty": lambda entries: not entries,
    "replace": lambda text, old, new: text.replace(old, new),
    "take": lambda text, count: str(text)[:count],
    "toLower": lambda text: str(text).lower(),
    "guid": lambda *parts: "guid(" + ", ".join(map(str, parts)) + ")",
    "subscriptionResourceId": lambda kind, name: name,
    "uniqueString": lambda *parts: Unknown("uniqueString"),
    "utcNow": lambda form: Unknown("utcNow"),
    "subscription": lambda: Unknown("subscription"),
    "environment": lambda: Unknown("environment"),
    "tenant": lambda: Unknown("tenant"),
    "resourceGroup": lambda: Unknown("resourceGroup"),
}
