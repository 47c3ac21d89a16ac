"""Binding expressions: `{queueTrigger}`, `{headers.x-id}`, `{rand-guid}`, `{datetime:yyyy-MM-dd}`.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-expressions-patterns
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from funchost.errors import InvocationError

_EXPRESSION = re.compile(r"\{([^{}]+)\}")
_DOTNET_DATE = (  # longest first, so that "yyyy" is not read as two "yy"
    ("yyyy", "%Y"),
    ("yy", "%y"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("hh", "%I"),
    ("mm", "%M"),
    ("ss", "%S"),
)
_DATE_TOKEN = re.compile("|".join(token for token, _ in _DOTNET_DATE))


@dataclass(frozen=True, slots=True)
class Template:
    """A text with expressions, parsed once; `parts` alternate literal text and expression."""

    parts: tuple[str, ...]

    @property
    def is_literal(self) -> bool:
        """Whether there is nothing to resolve."""
        return len(self.parts) == 1

    def render(self, data: Mapping[str, Any]) -> str:
        """The text with values from the trigger. Raises InvocationError when one is missing."""
        if self.is_literal:
            return self.parts[0]
        return "".join(part if i % 2 == 0 else resolve(part, data) for i, part in enumerate(self.parts))


def parse_template(text: str) -> Template:
    """The template of the text. Raises ValueError for a brace without its other one."""
    parts = tuple(_EXPRESSION.split(text))
    if any("{" in literal or "}" in literal for literal in parts[::2]):
        raise ValueError(f"{text!r} has a brace without its other one")
    return Template(parts)


def resolve(expression: str, data: Mapping[str, Any]) -> str:
    """The value of one expression. Names are case-insensitive; dots walk into objects."""
    name, _, format_ = expression.partition(":")
    key = name.strip().lower()
    if key in ("rand-guid", "sys.randguid"):
        return _random_guid(format_)
    if key in ("datetime", "sys.utcnow"):
        return _now(format_)
    value: Any = data
    for part in name.strip().split("."):
        value = _member(value, part, expression)
    if isinstance(value, bool):
        return "True" if value else "False"
    return str(value)


def _member(value: Any, name: str, expression: str) -> Any:
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        for key, member in value.items():
            if key.lower() == name.lower():
                return member
    raise InvocationError(f"the binding expression {{{expression}}} has no value in this trigger's data")


def _random_guid(format_: str) -> str:
    guid = uuid.uuid4()
    if format_.upper() == "N":
        return guid.hex
    return f"{{{guid}}}" if format_.upper() == "B" else str(guid)


def _now(format_: str) -> str:
    now = datetime.now(UTC)
    if not format_:
        return now.strftime("%Y-%m-%dT%H:%M:%SZ")
    directives = dict(_DOTNET_DATE)
    return now.strftime(_DATE_TOKEN.sub(lambda match: directives[match[0]], format_.replace("%", "%%")))
