"""Runtime expressions: jq, checked when a definition is put and evaluated without clock, environment or files.

What an expression gives depends on nothing but its text, its data and its arguments, so that replays are equal; `now`
is one of the arguments, the orchestration's own time.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from durable.workflow.dsl.texts import is_runtime_expression
from durable.workflow.simple_expressions import NotSimple, simple

ARGUMENTS = ("context", "input", "output", "task", "workflow", "runtime")
"""The specification's arguments that are given everywhere; $secrets and $authorization only where a call is made."""

CLOCK = "__now"
"""The argument that the function `now` reads: seconds since the Unix epoch."""

MAX_EXPRESSION_CHARS = 16_384

CLOSED_FUNCTIONS = frozenset(
    {
        "env",
        "input",
        "inputs",
        "input_filename",
        "input_line_number",
        "localtime",
        "strflocaltime",
        "halt",
        "halt_error",
        "debug",
        "stderr",
        "modulemeta",
        "get_search_list",
        "import",
        "include",
    }
)
CLOSED_VARIABLES = frozenset({"ENV", "__prog_args", CLOCK, "secrets", "authorization"})

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<quote>")|(?P<variable>\$\s*(?:__loc__|[A-Za-z_]\w*(?:::\w+)*))
      |(?P<field>\.\s*[A-Za-z_]\w*)|(?P<name>[A-Za-z_]\w*(?:::\w+)*)(?P<key>\s*:(?!:))?|(?P<open>\()|(?P<close>\))""",
    re.VERBOSE,
)

_VARIABLE = re.compile(r"\$\s*(\w+)")
_PATH = re.compile(r"(?:\$(?!__)([A-Za-z_]\w*))?((?:\.[A-Za-z_]\w*)*)\.?")


class ExpressionError(ValueError):
    """An expression that can't be evaluated; the message is jq's, or names the limit that was passed."""


class Evaluator(Protocol):
    """Evaluates expressions. Pure: the same text, data and arguments give the same value or the same error."""

    def evaluate(self, program: str, data: Any, arguments: Mapping[str, Any]) -> Any:
        """The program's first output, None when it has none. Raises ExpressionError."""

    def check(self, program: str, variables: tuple[str, ...]) -> None:
        """Compile only. Raises ExpressionError when the program is no jq or uses an unknown variable."""

    def check_schema(self, schema: Any) -> None:
        """Raises ValueError when it is no JSON Schema 2020-12, or refers to another document."""

    def violations(self, schema: Any, value: Any) -> list[str]:
        """What of the value the JSON Schema refuses, in plain words; empty when it is valid."""


def program_of(text: str) -> str:
    """The jq program of an expression field, without the `${ }` around it."""
    stripped = text.strip()
    return stripped[2:-1].strip() if is_runtime_expression(text) else stripped


def mentioned(program: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the arguments that the program mentions: what it can't read need not be sent."""
    variables = _variables(program)
    return {name: value for name, value in names.items() if name in variables} if variables else {}


@lru_cache(maxsize=4096)
def _variables(program: str) -> frozenset[str]:
    """Every name behind a dollar, in strings and comments, too."""
    return frozenset(_VARIABLE.findall(program))


def closed_names(program: str) -> list[str]:
    """Functions and variables in the program that would read clock, environment, files or secrets; in order."""
    named = _names(program)
    closed = [name for name in named if (name[1:] in CLOSED_VARIABLES if name[0] == "$" else name in CLOSED_FUNCTIONS)]
    return list(dict.fromkeys(closed))


def reads_clock(program: str) -> bool:
    """Whether the program calls `now`."""
    return "now" in program and "now" in _names(program)


@lru_cache(maxsize=4096)
def _names(program: str) -> tuple[str, ...]:
    """Every function and variable (`$name`) that the program mentions outside of strings, in order."""
    found: list[str] = []
    _scan(program, 0, found, in_string=False)
    return tuple(found)


def _scan(program: str, position: int, found: list[str], *, in_string: bool) -> int:
    """Scan code from `position`; inside an interpolation it ends at the closing parenthesis."""
    depth = 0
    while match := _TOKEN.search(program, position):
        position = match.end()
        if match["quote"]:
            position = _skip_string(program, position, found)
        elif match["open"]:
            depth += 1
        elif match["close"]:
            depth -= 1
            if in_string and depth < 0:
                return position
        elif match["variable"]:
            found.append("$" + match["variable"][1:].strip())
        elif match["name"] and not match["key"]:
            found.append(match["name"])
    return len(program)


def _skip_string(program: str, position: int, found: list[str]) -> int:
    while position < len(program):
        char = program[position]
        if char == '"':
            return position + 1
        if char == "\\" and program[position + 1 : position + 2] == "(":
            position = _scan(program, position + 2, found, in_string=True)
        else:
            position += 2 if char == "\\" else 1
    return position


def expressions_in(value: Any) -> list[str]:
    """Every `${ … }` within a data template, keys left alone."""
    if isinstance(value, str):
        return [value] if is_runtime_expression(value) else []
    if isinstance(value, dict):
        return [text for item in value.values() for text in expressions_in(item)]
    return [text for item in value for text in expressions_in(item)] if isinstance(value, list) else []


def fill(evaluator: Evaluator, template: Any, data: Any, arguments: Mapping[str, Any]) -> Any:
    """The template with every `${ … }` replaced by its value; other strings stay what they are."""
    if isinstance(template, str):
        if not is_runtime_expression(template):
            return template
        return evaluate(evaluator, template, data, arguments)
    if isinstance(template, dict):
        return {key: fill(evaluator, item, data, arguments) for key, item in template.items()}
    if isinstance(template, list):
        return [fill(evaluator, item, data, arguments) for item in template]
    return template


def evaluate(evaluator: Evaluator, text: str, data: Any, arguments: Mapping[str, Any]) -> Any:
    """The value of an expression field; `${ }` may be left out. Raises ExpressionError."""
    program = program_of(text)
    path = _path_of(program)
    if path is not None and (path[0] is None or path[0] in arguments):
        return _follow(data if path[0] is None else arguments[path[0]], path[1])
    if (known := simple(program)) is not None:
        try:
            return known(data, arguments)
        except NotSimple:
            pass  # then jq says what it gives, or why it gives nothing
    given = mentioned(program, arguments)
    if reads_clock(program):
        given[CLOCK] = arguments.get(CLOCK)
    return evaluator.evaluate(program, data, given)


@lru_cache(maxsize=4096)
def _path_of(program: str) -> tuple[str | None, tuple[str, ...]] | None:
    """The variable and the fields of a program that is nothing but a path, as most are: `.a.b`, `$context.a`, `.`."""
    match = _PATH.fullmatch(program)
    if match is None or not program or (program.endswith(".") and program != "."):
        return None
    return match[1], tuple(match[2].split(".")[1:])


def _follow(value: Any, fields: tuple[str, ...]) -> Any:
    """What jq gives for the path, without asking it: a process away is far for one field."""
    for field in fields:
        if isinstance(value, dict):
            value = value.get(field)
        elif value is not None:
            raise ExpressionError(f'Cannot index {_kind(value)} with string ("{field}")')
    return value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "number"
