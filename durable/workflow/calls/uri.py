"""URI templates as the DSL has them: RFC 6570 simple string expansion over the task's input."""

import re
from typing import Any
from urllib.parse import quote

from durable.workflow.faults import Fault, spec_error

_VARIABLE = re.compile(r"\{([^{}]*)\}")


def expand(template: str, data: Any) -> str:
    """The template with each `{name}` replaced by the input's property of that very name; absent or null is empty.

    Raises Fault of the specification's expression type when a value is an object or an array.
    """
    members = data if isinstance(data, dict) else {}
    return _VARIABLE.sub(lambda match: quote(_text(match[1], members.get(match[1])), safe=""), template)


def _text(name: str, value: Any) -> str:
    if isinstance(value, dict | list):
        detail = f"{{{name}}} is an {'object' if isinstance(value, dict) else 'array'}; a URI takes texts and numbers"
        raise Fault(spec_error("expression", 400, "Not usable in a URI", detail))
    return plain(value)


def plain(value: Any) -> str:
    """A scalar as it stands in a URL or a header: null is empty, booleans are `true` and `false`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
