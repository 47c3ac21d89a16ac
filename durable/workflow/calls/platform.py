"""Operations of the platform's own services, by their own OpenAPI documents: `platform://<service>/openapi.json`.

Asked with the workflow service's token, in the tenant of the instance, like the functions of the catalog.
"""

from typing import Any, cast
from urllib.parse import urlsplit

from chassis.errors import RemoteError
from chassis.http.client import HttpMethod
from durable.workflow.calls.http import Caller
from durable.workflow.calls.openapi.call import http_call_of
from durable.workflow.calls.openapi.document import operation_of
from durable.workflow.faults import Fault, spec_error

SCHEME = "platform://"
SERVICES = ("metadata", "processing", "reporting")
"""The services that the workflow service may ask (functions/workflow/service.yaml)."""

_METHODS = ("GET", "POST", "PUT", "DELETE")


def platform_service(endpoint: Any) -> str | None:
    """The service that an endpoint names as the platform's own; None for any other address."""
    uri = endpoint.get("uri") if isinstance(endpoint, dict) else endpoint
    return str(urlsplit(uri).netloc) if isinstance(uri, str) and uri.startswith(SCHEME) else None


async def call_service(service: str, with_: dict[str, Any], caller: Caller) -> Any:
    """The operation's answer. Raises Fault with what the service reported, DependencyUnavailable when it is away."""
    if service not in SERVICES:
        raise Fault(spec_error("configuration", 400, "Not a service", f"{SCHEME}{service[:60]} can't be called"))
    if with_.get("output", "content") != "content":
        detail = "calls of the platform's own services give their content"
        raise Fault(spec_error("configuration", 400, "Not supported", detail))
    document = await caller.services.ask(service, "GET", f"/{service}/openapi.json", timeout_s=caller.timeout_s)
    operation = operation_of(document, with_["operationId"], f"https://{service}/")
    call = http_call_of(operation, with_.get("parameters") or {}, "content", redirect=False)
    if call.method not in _METHODS:
        raise Fault(spec_error("configuration", 400, "Not supported", f"{call.method} is not asked of services"))
    try:
        return await caller.services.ask(
            service,
            cast(HttpMethod, call.method),
            _path(call.url),
            content=call.body,
            idempotency_key=caller.key if call.method == "POST" else None,
            timeout_s=caller.timeout_s,
        )
    except RemoteError as error:
        title = str(error.remote_problem.get("title") or error.title)
        raise Fault(spec_error("communication", error.remote_status, title, error.detail)) from None


def _path(url: str) -> str:
    """The path and query; which host serves it is ours to say."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
