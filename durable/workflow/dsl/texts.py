"""Texts with a form: runtime expressions, URIs, times, pointers, names. Each says what it must be when it is not."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any

import jsonschema_rs
from pydantic import AfterValidator, Field

STRICT_EXPRESSION = re.compile(r"\A\s*\$\{.+\}\s*\Z")
RUNTIME_EXPRESSION = re.compile(STRICT_EXPRESSION.pattern, re.DOTALL)
_SCHEME = re.compile(r"\A[A-Za-z][A-Za-z0-9+\-.]*://")
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
ISO_DURATION = re.compile(
    rf"\AP(?!\Z)(?:({_NUMBER})Y)?(?:({_NUMBER})M)?(?:({_NUMBER})W)?(?:({_NUMBER})D)?"
    rf"(?:T(?=[0-9])(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?\Z"
)


def is_runtime_expression(text: str) -> bool:
    """Whether the text is a runtime expression: `${ … }`, over several lines where a text block holds it."""
    return RUNTIME_EXPRESSION.match(text) is not None


def _is_duration(text: str) -> bool:
    return ISO_DURATION.match(text) is not None


def _is_strict(text: str) -> bool:
    """As the schema's `runtimeExpression` has it: on one line."""
    return STRICT_EXPRESSION.match(text) is not None


@lru_cache(maxsize=8)
def _format(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator({"type": "string", "format": name}, validate_formats=True)


def _is(format: str, text: str) -> bool:
    return bool(_format(format).is_valid(text))


def is_date_time(text: str) -> bool:
    """Whether the text is an RFC 3339 time."""
    return _is("date-time", text)


def is_uri(text: str) -> bool:
    """Whether the text is an absolute URI or a template of one (RFC 3986, RFC 6570): `https://host/{id}`."""
    return _SCHEME.match(text) is not None and (_is("uri-template", text) or _is("uri", text))


def _must(what: str, *tests: Callable[[str], bool]) -> AfterValidator:
    def check(text: str) -> str:
        if not any(test(text) for test in tests):
            raise ValueError(f"must be {what}")
        return text

    return AfterValidator(check)


StrictExpression = Annotated[str, _must("a runtime expression ${ … }", _is_strict)]
Uri = Annotated[str, _must("a URI (scheme://…)", is_uri)]
UriTemplate = Annotated[str, _must("a URI template (RFC 6570)", lambda text: _is("uri-template", text))]
UriOrExpression = Annotated[str, _must("a URI (scheme://…) or a runtime expression ${ … }", is_uri, _is_strict)]
PointerOrExpression = Annotated[
    str, _must("a JSON Pointer or a runtime expression ${ … }", lambda text: _is("json-pointer", text), _is_strict)
]
TimeOrExpression = Annotated[
    str, _must("an RFC 3339 time or a runtime expression ${ … }", lambda text: _is("date-time", text), _is_strict)
]
DurationText = Annotated[str, _must("an ISO 8601 duration or a runtime expression ${ … }", _is_duration, _is_strict)]
Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$")]
HostName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]{0,61}[a-zA-Z0-9])?$")]
SemanticVersion = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
        r"(?:-((?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
        r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$"
    ),
]
