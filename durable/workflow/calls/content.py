"""Bodies of requests and answers: encoded and decoded by their content type."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

import orjson

from durable.workflow.calls.uri import plain
from durable.workflow.faults import Fault, spec_error

FORM = "application/x-www-form-urlencoded"
MAX_DEPTH = 100
_TEXT_TYPES = frozenset({"application/xml", "application/yaml", "application/x-yaml", "application/javascript", FORM})


def media_type(content_type: str) -> str:
    """The type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def is_json(content_type: str) -> bool:
    """Whether the content is JSON text (RFC 8259, RFC 6839)."""
    found = media_type(content_type)
    return found == "application/json" or found.endswith("+json")


def encode(body: Any, content_type: str | None) -> tuple[bytes | None, str | None]:
    """The bytes of a body and their content type; None for no body.

    A text is sent as it is; an object with the form type as a form; everything else as JSON.
    """
    if body is None:
        return None, content_type
    if isinstance(body, str):
        return body.encode(), content_type or "text/plain; charset=utf-8"
    if isinstance(body, dict) and content_type and media_type(content_type) == FORM:
        fields = {key: [plain(item) for item in _listed(value)] for key, value in body.items()}
        return urlencode(fields, doseq=True).encode(), content_type
    return json.dumps(body, ensure_ascii=False).encode(), content_type or "application/json"


def decode(body: bytes, content_type: str) -> Any:
    """JSON as its value, text as a text, other bytes in base 64; None for an empty body.

    Raises Fault of the communication type for what calls itself JSON and is none.
    """
    if not body:
        return None
    if is_json(content_type):
        try:
            return strict_json(body)
        except ValueError as error:
            raise Fault(spec_error("communication", 502, "Not a usable answer", f"the answer: {error}")) from None
    found = media_type(content_type)
    if found.startswith("text/") or found in _TEXT_TYPES or found.endswith(("+xml", "+yaml")):
        return body.decode(_charset(content_type), "replace")
    return b64encode(body).decode()


def strict_json(body: bytes) -> Any:
    """The value of JSON text that can go on everywhere: no NaN, no half surrogate pairs, not nested without end.

    Raises ValueError.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ValueError("this is no JSON") from None
    level = [found]
    for _ in range(MAX_DEPTH):
        level = [item for value in level for item in _members(value)]
        if not level:
            return found
    raise ValueError(f"JSON nested more than {MAX_DEPTH} deep")


def _members(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _charset(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            found = value.strip().strip('"').lower()
            return found if found in {"utf-8", "us-ascii", "iso-8859-1", "windows-1252", "utf-16"} else "utf-8"
    return "utf-8"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
