"""What of an OpenAPI document a call needs: the operation by its id, its parameters, its body, its server.

OpenAPI 3.0, 3.1 and Swagger 2.0. References lead within the document.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from durable.workflow.faults import Fault, spec_error

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
MAX_REFERENCES = 20


@dataclass(frozen=True)
class Parameter:
    """One parameter. `place` is path, query, header, cookie, formData or body."""

    name: str
    place: str
    required: bool
    style: str
    explode: bool
    reserved: bool = False
    media_type: str | None = None
    default: Any = None


@dataclass(frozen=True)
class Body:
    """The request's body in OpenAPI 3: its media types in order, and whether it must be there."""

    media_types: tuple[str, ...]
    required: bool


@dataclass(frozen=True)
class Operation:
    """One operation: `server` is a base URL without a trailing slash, `path` a template."""

    method: str
    server: str
    path: str
    parameters: tuple[Parameter, ...]
    body: Body | None = None
    consumes: tuple[str, ...] = ()


def operation_of(document: dict[str, Any], operation_id: str, url: str) -> Operation:
    """The operation with that id; `url` is where the document was found, which relative servers are relative to.

    Raises Fault of the configuration type.
    """
    swagger = str(document.get("swagger", "")) == "2.0"
    if not swagger and not str(document.get("openapi", "")).startswith("3."):
        raise _wrong("the document is neither OpenAPI 3 nor Swagger 2.0")
    for path, item in _objects(document.get("paths")):
        resolved = _resolved(document, item)
        for method in METHODS:
            operation = resolved.get(method)
            if isinstance(operation, dict) and operation.get("operationId") == operation_id:
                return _operation(document, path, method, resolved, operation, url, swagger=swagger)
    raise _wrong(f"the document has no operation {operation_id!r}")


def _operation(
    document: dict[str, Any],
    path: str,
    method: str,
    item: dict[str, Any],
    operation: dict[str, Any],
    url: str,
    *,
    swagger: bool,
) -> Operation:
    found: dict[tuple[str, str], Parameter] = {}
    for holder in (item, operation):  # an operation's own parameter stands for the path's of that name and place
        for raw in holder.get("parameters") or []:
            parameter = _parameter(_resolved(document, raw), swagger=swagger)
            found[parameter.name, parameter.place] = parameter
    server = _swagger_server(document, operation, url) if swagger else _server(document, item, operation, url)
    consumes = operation.get("consumes") or document.get("consumes") or []
    body = None if swagger else _body(document, operation)
    return Operation(method.upper(), server.rstrip("/"), path, tuple(found.values()), body, tuple(map(str, consumes)))


def _parameter(raw: dict[str, Any], *, swagger: bool) -> Parameter:
    name, place = raw.get("name"), raw.get("in")
    if not isinstance(name, str) or not isinstance(place, str):
        raise _wrong("a parameter of the operation has no name or no place")
    required = bool(raw.get("required")) or place == "path"
    schema = raw.get("schema") if isinstance(raw.get("schema"), dict) else {}
    if swagger:
        style, explode = _SWAGGER_STYLES.get(str(raw.get("collectionFormat", "csv")), ("form", False))
        return Parameter(name, place, required, "simple" if place in ("path", "header") else style, explode,
                         default=raw.get("default"))  # fmt: skip
    style = str(raw.get("style") or ("form" if place in ("query", "cookie") else "simple"))
    explode = bool(raw.get("explode", style == "form"))
    content = raw.get("content")
    media_type = next(iter(content), None) if isinstance(content, dict) else None
    default = schema.get("default") if isinstance(schema, dict) else None
    return Parameter(name, place, required, style, explode, bool(raw.get("allowReserved")), media_type, default)


_SWAGGER_STYLES = {
    "csv": ("form", False),
    "multi": ("form", True),
    "ssv": ("spaceDelimited", False),
    "tsv": ("tabDelimited", False),
    "pipes": ("pipeDelimited", False),
}


def _body(document: dict[str, Any], operation: dict[str, Any]) -> Body | None:
    raw = operation.get("requestBody")
    if not isinstance(raw, dict):
        return None
    body = _resolved(document, raw)
    content = body.get("content")
    types = tuple(map(str, content)) if isinstance(content, dict) else ()
    return Body(types or ("application/json",), bool(body.get("required")))


def _server(document: dict[str, Any], item: dict[str, Any], operation: dict[str, Any], url: str) -> str:
    """The first http server of the operation, the path or the document; `/` of the document's own address without."""
    for holder in (operation, item, document):
        servers = holder.get("servers")
        for server in servers if isinstance(servers, list) else []:
            address = urljoin(url, _with_variables(server)) if isinstance(server, dict) else ""
            if urlsplit(address).scheme in ("http", "https"):
                return address
        if servers:
            raise _wrong("none of the operation's servers is reached over HTTP")
    return urljoin(url, "/")


def _with_variables(server: dict[str, Any]) -> str:
    address = str(server.get("url", "/"))
    for name, variable in _objects(server.get("variables")):
        address = address.replace(f"{{{name}}}", str(variable.get("default", "")))
    return address


def _swagger_server(document: dict[str, Any], operation: dict[str, Any], url: str) -> str:
    schemes = operation.get("schemes") or document.get("schemes") or [urlsplit(url).scheme]
    usable = [scheme for scheme in ("https", "http") if scheme in schemes]
    if not usable:
        raise _wrong("none of the operation's schemes is HTTP")
    host = document.get("host") or urlsplit(url).netloc
    return f"{usable[0]}://{host}{document.get('basePath') or ''}"


def _resolved(document: dict[str, Any], value: Any) -> dict[str, Any]:
    """The object itself, or the one that its reference leads to. Raises Fault."""
    for _ in range(MAX_REFERENCES):
        if not isinstance(value, dict):
            raise _wrong("the document has something else than an object where one belongs")
        reference = value.get("$ref")
        if not isinstance(reference, str):
            return value
        if not reference.startswith("#/"):
            raise _wrong("the document refers to another document, which is not followed")
        value = document
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            value = value.get(key) if isinstance(value, dict) else None
    raise _wrong("the document's references go round in a circle")


def _objects(value: Any) -> list[tuple[str, dict[str, Any]]]:
    return (
        [(str(key), item) for key, item in value.items() if isinstance(item, dict)] if isinstance(value, dict) else []
    )


def _wrong(detail: str) -> Fault:
    return Fault(spec_error("configuration", 400, "Not a usable OpenAPI operation", detail))
