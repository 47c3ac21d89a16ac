"""From an operation and its arguments to one HTTP request."""

import json
import re
from typing import Any

from durable.workflow.calls.content import FORM, encode, is_json, media_type
from durable.workflow.calls.http import HttpCall, Output, checked_headers
from durable.workflow.calls.openapi.document import Operation, Parameter, operation_of
from durable.workflow.calls.openapi.parameters import in_cookie, in_header, in_path, in_query
from durable.workflow.calls.resources import Resource, parsed
from durable.workflow.calls.uri import plain
from durable.workflow.faults import Fault, spec_error

_VARIABLE = re.compile(r"\{([^{}]*)\}")
BODY = "body"
"""The argument that is the body of an OpenAPI 3 operation, which has no name for it."""


def openapi_call(resource: Resource, with_: dict[str, Any]) -> HttpCall:
    """The request of resolved arguments, by a document that was fetched. Raises Fault of the configuration type."""
    document = parsed(resource, "an OpenAPI document")
    operation = operation_of(document, with_["operationId"], resource.url)
    output: Output = with_.get("output") or "content"
    return http_call_of(operation, with_.get("parameters") or {}, output, redirect=bool(with_.get("redirect")))


def http_call_of(operation: Operation, arguments: dict[str, Any], output: Output, *, redirect: bool) -> HttpCall:
    """The request. Raises Fault of the configuration type when arguments are missing, unknown or not usable."""
    given = _with_defaults(operation, arguments)
    by_place: dict[str, list[tuple[Parameter, Any]]] = {}
    for parameter in operation.parameters:
        if parameter.name in given:
            by_place.setdefault(parameter.place, []).append((parameter, given[parameter.name]))
    segments = {parameter.name: in_path(parameter, value) for parameter, value in by_place.get("path", [])}
    path = _VARIABLE.sub(lambda match: segments.get(match[1], ""), operation.path)
    query = "&".join(part for parameter, value in by_place.get("query", []) for part in in_query(parameter, value))
    headers = {parameter.name: in_header(parameter, value) for parameter, value in by_place.get("header", [])}
    if cookies := [in_cookie(parameter, value) for parameter, value in by_place.get("cookie", [])]:
        headers["cookie"] = "; ".join(cookies)
    body, content_type = _body(operation, given, by_place)
    if content_type is not None:
        headers["content-type"] = content_type
    url = operation.server + path + (f"?{query}" if query else "")
    return HttpCall(operation.method, url, checked_headers(headers), body, output, redirect)


def _with_defaults(operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are given, null ones left out. Raises Fault for missing and unknown ones."""
    given = {name: value for name, value in arguments.items() if value is not None}
    known = {parameter.name for parameter in operation.parameters}
    if operation.body is not None and BODY not in known:
        known.add(BODY)
    if unknown := sorted(set(given) - known):
        raise _wrong(f"the operation has no parameter {', '.join(unknown)}")
    missing = sorted(
        parameter.name
        for parameter in operation.parameters
        if parameter.required and parameter.name not in given and parameter.default is None
    )
    if operation.body is not None and operation.body.required and BODY not in given:
        missing.append(BODY)
    if missing:
        raise _wrong(f"the operation needs {', '.join(missing)}")
    for parameter in operation.parameters:
        if parameter.required and parameter.name not in given:
            given[parameter.name] = parameter.default
    return given


def _body(
    operation: Operation, given: dict[str, Any], by_place: dict[str, list[tuple[Parameter, Any]]]
) -> tuple[bytes | None, str | None]:
    if operation.body is not None and BODY in given and not any(p.name == BODY for p in operation.parameters):
        return _encoded(given[BODY], operation.body.media_types)
    if found := by_place.get("body"):
        return _encoded(found[0][1], operation.consumes or ("application/json",))
    if fields := by_place.get("formData"):
        if operation.consumes and FORM not in operation.consumes:
            raise _wrong(f"the operation takes {', '.join(operation.consumes)}; forms are sent as {FORM}")
        return encode({parameter.name: value for parameter, value in fields}, FORM)
    return None, None


def _encoded(value: Any, media_types: tuple[str, ...]) -> tuple[bytes | None, str | None]:
    """The body in the first media type that we can write: JSON, then a form, then text."""
    for wanted in media_types:
        if is_json(wanted) or wanted == "*/*":
            content_type = "application/json" if wanted == "*/*" else wanted
            return json.dumps(value, ensure_ascii=False).encode(), content_type
    for wanted in media_types:
        if media_type(wanted) == FORM and isinstance(value, dict):
            return encode(value, wanted)
        if isinstance(value, str | int | float):
            return plain(value).encode(), wanted
    raise _wrong(f"the operation takes {', '.join(media_types)}, which can't be made of this body")


def _wrong(detail: str) -> Fault:
    return Fault(spec_error("configuration", 400, "The operation can't be called", detail))
