"""`call: http`: one request, its redirects and its answer, as the specification's HTTP call has them."""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid5

from yarl import URL

from chassis.http.client import ServiceClient
from chassis.outgoing.client import (
    MOST_REDIRECTS,
    OutgoingClient,
    OutgoingError,
    OutgoingRequest,
    OutgoingResponse,
)
from chassis.settings import Settings
from durable.workflow.calls.authentication import Authenticator, Authorization
from durable.workflow.calls.content import decode, encode, strict_json
from durable.workflow.calls.resources import Resources
from durable.workflow.calls.uri import plain
from durable.workflow.faults import Fault, SpecError, spec_error

Output = Literal["raw", "content", "response"]
MAX_RESPONSE_BYTES = 1_048_576
MAX_PROBLEM_BYTES = 4096
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_REFUSED_METHODS = frozenset({"CONNECT", "TRACE"})
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_NAMESPACE = UUID("0d7e3f55-9d0c-5a57-8d4b-0f0e8b6b7a10")


@dataclass(frozen=True)
class HttpCall:
    """One request with every expression resolved. `url` has its query; header names are as written."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    output: Output = "content"
    redirect: bool = False


@dataclass(frozen=True)
class Caller:
    """Who calls: the tenant, its guarded client, how it authenticates, how long it waits, and the call's own key."""

    tenant: str
    client: OutgoingClient
    services: ServiceClient
    resources: Resources
    settings: Settings
    authenticator: Authenticator
    timeout_s: float
    key: str


def http_call(with_: dict[str, Any]) -> HttpCall:
    """The request that resolved arguments describe. Raises Fault of the configuration type when they can't be sent."""
    endpoint = with_["endpoint"]
    uri = endpoint.get("uri") if isinstance(endpoint, dict) else endpoint
    headers = checked_headers(with_.get("headers"))
    named = {name.lower(): name for name in headers}
    kind = headers.get(named.get("content-type", ""))
    body, content_type = encode(with_.get("body"), kind)
    if content_type is not None and kind is None:
        headers["content-type"] = content_type
    output: Output = with_.get("output") or "content"
    method = _method(with_.get("method"))
    return HttpCall(method, _url(uri, with_.get("query")), headers, body, output, bool(with_.get("redirect")))


async def perform(call: HttpCall, authorization: Authorization | None, caller: Caller) -> Any:
    """Make the request; gives what the call's output mode asks for.

    An answer outside 200–299 is an error, with `redirect` outside 200–399 after redirects were followed. A token
    that is refused is renewed once. Raises Fault of the communication type with the answer's status, of the timeout
    type when there is none in time.
    """
    response = await _send(call, authorization, caller)
    if response.status == 401 and authorization is not None and authorization.renew is not None:
        response = await _send(call, await caller.authenticator.renewed(authorization.renew), caller)
    raise_for_status(call, response)
    return shown(call, response)


async def _send(call: HttpCall, authorization: Authorization | None, caller: Caller) -> OutgoingResponse:
    headers = dict(call.headers)
    present = {name.lower() for name in headers}
    if call.method not in _SAFE and "idempotency-key" not in present:
        headers["idempotency-key"] = str(uuid5(_NAMESPACE, caller.key))
    if "accept" not in present:
        headers["accept"] = "application/json, */*;q=0.5"
    if authorization is not None and authorization.header is not None:
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        headers["authorization"] = authorization.header
    request = OutgoingRequest(
        call.method, call.url, headers, call.body, authorization.middlewares if authorization else ()
    )
    try:
        return await caller.client.send(
            request,
            timeout_s=caller.timeout_s,
            max_bytes=MAX_RESPONSE_BYTES,
            redirects=MOST_REDIRECTS if call.redirect else 0,
        )
    except OutgoingError as error:
        raise Fault(of_outgoing(error, call)) from None


def of_outgoing(error: OutgoingError, call: HttpCall) -> SpecError:
    """A call without a usable answer, as the specification's error."""
    place = f"{call.method} {urlsplit(call.url).hostname}: {error}"
    match error.reason:
        case "timeout":
            return spec_error("timeout", 408, "No answer in time", place)
        case "refused":
            return spec_error("communication", 403, "The address may not be called", place)
        case "too-large":
            return spec_error("communication", 502, "The answer is too large", place)
    return spec_error("communication", 502 if error.reason == "invalid" else 503, "No usable answer", place)


def raise_for_status(call: HttpCall, response: OutgoingResponse) -> None:
    """Raise Fault for a status that the call takes for an error."""
    if 200 <= response.status < (400 if call.redirect else 300):
        return
    detail = f"{call.method} {urlsplit(call.url).hostname} answered {response.status}"
    title = f"The call was answered with {response.status}"
    raise Fault(spec_error("communication", response.status, title, detail, problem=_problem(response)))


def shown(call: HttpCall, response: OutgoingResponse) -> Any:
    """The answer in the call's output mode."""
    if call.output == "raw":
        return b64encode(response.body).decode()
    content = decode(response.body, response.headers.get("content-type", ""))
    if call.output == "content":
        return content
    sent = {name: value for name, value in call.headers.items() if name.lower() not in {"authorization", "cookie"}}
    request = {"method": call.method.lower(), "uri": call.url, "headers": sent}
    return {"request": request, "statusCode": response.status, "headers": response.headers, "content": content}


def with_query(url: str, pairs: list[tuple[str, str]]) -> str:
    """The URL with further query parameters, percent-encoded."""
    if not pairs:
        return url
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    return f"{url}{'&' if urlsplit(url).query else '' if url.endswith('?') else '?'}{query}"


def _url(uri: Any, query: Any) -> str:
    if not isinstance(uri, str):
        raise _wrong("the endpoint's URI is a text")
    if query is not None and not isinstance(query, dict):
        raise _wrong("query is an object")
    pairs = [
        (str(name), plain(item))
        for name, value in (query or {}).items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]
    try:
        return str(URL(with_query(uri.partition("#")[0].strip(), pairs)))
    except ValueError:
        raise _wrong("the endpoint's URI is not usable") from None


def _method(method: Any) -> str:
    if not isinstance(method, str) or not _TOKEN.fullmatch(method) or method.upper() in _REFUSED_METHODS:
        raise _wrong(f"this method can't be called: {str(method)[:20]!r}")
    return method.upper()


def checked_headers(headers: Any) -> dict[str, str]:
    """The headers as texts. Raises Fault for what can't be sent, or is not the definition's to set."""
    if headers is not None and not isinstance(headers, dict):
        raise _wrong("headers is an object")
    found = {name: plain(value) for name, value in (headers or {}).items() if value is not None}
    for name, value in found.items():
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise _wrong(f"the header {name[:40]!r} has a name or a value that can't be sent")
        if name.lower() in _OURS:
            raise _wrong(f"the header {name} is set by the runtime")
    return found


def _problem(response: OutgoingResponse) -> dict[str, Any] | None:
    """The members of a JSON object that told of the error, when they are few."""
    try:
        found = strict_json(response.body) if len(response.body) <= MAX_PROBLEM_BYTES else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _wrong(detail: str) -> Fault:
    return Fault(spec_error("configuration", 400, "The call can't be made", detail))
