"""A service's OpenAPI document as it really answers: every failure is a problem details body (RFC 9457)."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from chassis.http.failures import RESPONSES, SCHEMAS, describe_failures
from chassis.http.headers import ETAG

_FRAMEWORK_SCHEMAS = ("HTTPValidationError", "ValidationError")


def describe_problems(app: FastAPI) -> None:
    """Let the application's document say that any other answer is a problem, and drop the framework's own 422."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes, tags=app.openapi_tags)
            app.openapi_schema = _with_problems(made)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    for item in document.get("paths", {}).values():
        for operation in item.values():
            if isinstance(operation, dict) and "responses" in operation:
                _drop_frameworks_own(operation["responses"])
                describe_failures(operation)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _FRAMEWORK_SCHEMAS:
        schemas.pop(name, None)
    schemas |= SCHEMAS
    components.setdefault("responses", {}).update(RESPONSES)
    return document


def _drop_frameworks_own(responses: dict[str, Any]) -> None:
    unprocessable = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if unprocessable.get("$ref", "").endswith("/HTTPValidationError"):
        del responses["422"]


def also(status: int, model: type[BaseModel], headers: dict[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that answers with this status, too: 201 where it made it, 200 where it was there.

    `headers` are those of this status alone, besides what `sends` tells.
    """
    return {status: {"model": model, **({"headers": headers} if headers else {})}}


def gives(*media_types: str, headers: dict[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that answers with a file, in one of these media types; with `response_class=Response`.

    `headers` as in `also`.
    """
    content: dict[str, Any] = {media_type.partition(";")[0]: {} for media_type in media_types}
    return {200: {"content": content, **({"headers": headers} if headers else {})}}


def sometimes(headers: dict[str, Any]) -> dict[str, Any]:
    """The same headers, which some of the answers with a status do without: those of the edge."""
    return {name: {**header, "required": False} for name, header in headers.items()}


def sends(headers: dict[str, Any], *statuses: int) -> dict[str, Any]:
    """`openapi_extra` of a route whose answers with these statuses always carry these headers."""
    return {"responses": {str(status): {"headers": headers} for status in statuses}}


UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "What If-None-Match names is the present state", "headers": ETAG}
}
"""`responses` of a route that minds If-None-Match; the answer has the ETag, and what else `sends` says of 304."""


def takes(
    *media_types: str, schema: dict[str, Any] | None = None, example: Any = None, text: str | None = None
) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its body by itself, in one of these media types.

    `text` is one more media type, of a body that is no JSON.
    """
    told = {"schema": schema or {}} | ({} if example is None else {"example": example})
    content: dict[str, Any] = dict.fromkeys(media_types, told)
    if text is not None:
        content[text] = {"schema": {"type": "string"}}
    return {"requestBody": {"required": True, "content": content}}


def asks(*parameters: str) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its query by itself: these parameters, each a text, none required."""
    told = [{"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in parameters]
    return {"parameters": told}
