"""The failures that any operation may have, as its document tells of them: problems (RFC 9457), some with headers."""

from typing import Any, NamedTuple

from chassis.http.headers import described
from chassis.http.problems import PROBLEM

SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "description": "RFC 9457 problem details; some problems have further members",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": ["string", "null"]},
            "traceId": {"type": ["string", "null"]},
        },
    }
}
"""Of `components.schemas`. Without a title: generators would take it for the class's name, the same in each service."""

_CONTENT = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}


class _Failure(NamedTuple):
    """A status with a header of its own; the edge answers with it as well."""

    name: str
    text: str
    header: dict[str, Any]
    of_tokens: bool = False
    """Only operations that ask for a token have it."""

    def response(self) -> dict[str, Any]:
        return {"description": self.text, "headers": self.header, "content": _CONTENT}


def _challenge(*, always: bool) -> dict[str, Any]:
    text = "What is asked for, and what is wrong with what was sent (RFC 9110 section 11.6.1, RFC 6750 section 3)"
    return described("WWW-Authenticate", text, always=always)


def _wait(*, always: bool) -> dict[str, Any]:
    text = "Seconds until another attempt makes sense (RFC 9110 section 10.2.3)"
    return described("Retry-After", text, always=always, type="integer", minimum=0)


_FAILURES = {
    "401": _Failure("Unauthorized", "No token, or one that is not accepted", _challenge(always=True), of_tokens=True),
    "403": _Failure("Forbidden", "The token does not allow this", _challenge(always=False), of_tokens=True),
    "429": _Failure("TooManyRequests", "Over a limit", _wait(always=True)),
    "503": _Failure("Unavailable", "Not to be had now; the same request may succeed later", _wait(always=False)),
}
_ANY_OTHER = "Problem"
RESPONSES: dict[str, Any] = {
    _ANY_OTHER: {"description": "A problem", "content": _CONTENT},
    **{failure.name: failure.response() for failure in _FAILURES.values()},
}
"""Of `components.responses`."""


def describe_failures(operation: dict[str, Any]) -> None:
    """Add to an operation's responses what it does not tell itself: these failures, and that any other is a problem."""
    responses = operation["responses"]
    for status, failure in _FAILURES.items():
        if status in responses:
            responses[status] = _with_header(responses[status], failure)
        elif not failure.of_tokens or "security" in operation:
            responses[status] = _reference(failure.name)
    responses.setdefault("default", _reference(_ANY_OTHER))


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/responses/{name}"}


def _with_header(own: dict[str, Any], failure: _Failure) -> dict[str, Any]:
    """An operation's own answer of this status; where a token is not the matter, the edge's may come in its place."""
    told = {**own, "headers": {**failure.header, **own.get("headers", {})}}
    return told if failure.of_tokens else {**told, "content": {**own.get("content", {}), **_CONTENT}}
