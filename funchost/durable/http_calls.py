"""Durable HTTP: the built-in activity behind `context.call_http`, which polls while the answer is 202 with a Location.

Facts: CallHttpAsync and TaskHttpActivityShim of the Durable extension. Between two polls nothing runs: the next
request is stored in place of the activity's input, so a restart goes on polling instead of asking again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

from funchost.durable.errors import DurableError
from funchost.durable.events import format_time, parse_time
from funchost.identity import token_for

HTTP_ACTIVITY = "BuiltIn::HttpActivity"
_MANAGED_IDENTITY = "AzureManagedIdentity"
# The extension's defaults: DefaultAsyncRequestSleepTimeMilliseconds, HttpClient.Timeout.
POLL_AGAIN_AFTER = timedelta(seconds=30)
_TIMEOUT_S = 100.0
_LARGEST_BODY_BYTES = 16 * 1024 * 1024
_ACCEPTED = 202
# A function key opens one function and not the status endpoint; the others are for the first address only.
_NEVER_POLLED_WITH = frozenset({"x-functions-key", "content-type", "content-length"})
_FOR_ONE_ORIGIN = frozenset({"authorization", "cookie", "proxy-authorization"})


class HttpCallRefused(DurableError):
    """A request that this host can't make."""


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request to make, not before `not_before` (None: now)."""

    method: str
    uri: str
    content: str | None
    headers: Mapping[str, str]
    not_before: datetime | None = None
    token_resource: str | None = None
    """What to get a token of the host's own identity for; None: the request needs none."""

    @classmethod
    def read(cls, text: str | None) -> HttpCall:
        """Read the SDK's `httpRequest`, or what `to_json` wrote. Raises HttpCallRefused."""
        request = json.loads(text or "null")
        if not isinstance(request, dict) or not request.get("method") or not request.get("uri"):
            raise HttpCallRefused("call_http needs a method and a URI.")
        if urlsplit(request["uri"]).scheme not in ("http", "https"):
            raise HttpCallRefused(f"call_http needs an absolute http or https URI, not '{request['uri']}'.")
        not_before = request.get("notBefore")
        headers = {str(name): str(value) for name, value in (request.get("headers") or {}).items()}
        when = parse_time(not_before) if not_before else None
        resource = _token_resource(request.get("tokenSource"))
        if resource and not _keeps_secrets(request["uri"]):
            raise HttpCallRefused(f"call_http sends no token to {request['uri']}: it is not https.")
        return cls(request["method"].upper(), request["uri"], request.get("content"), headers, when, resource)

    def to_json(self) -> str:
        """The stored form."""
        request: dict[str, Any] = {"method": self.method, "uri": self.uri, "headers": dict(self.headers)}
        if self.content is not None:
            request["content"] = self.content
        if self.token_resource is not None:
            request["tokenSource"] = {"kind": _MANAGED_IDENTITY, "resource": self.token_resource}
        if self.not_before is not None:
            request["notBefore"] = format_time(self.not_before)
        return json.dumps(request)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A response; several headers of one name are joined by commas, names keep their letters."""

    status: int
    headers: Mapping[str, str]
    content: str

    def to_value(self) -> dict[str, Any]:
        """What the orchestrator gets."""
        return {"statusCode": self.status, "headers": dict(self.headers), "content": self.content}

    def header(self, name: str) -> str | None:
        """A header by its name in small letters."""
        return next((value for key, value in self.headers.items() if key.lower() == name), None)


class HttpSender(Protocol):
    """Makes a request. Raises whatever keeps it from an answer."""

    async def __call__(self, call: HttpCall) -> HttpAnswer: ...


def next_poll(call: HttpCall, answer: HttpAnswer, now: datetime, pause: timedelta) -> HttpCall | None:
    """The request that asks how accepted work stands; None when `answer` is the last one.

    `pause` counts when the answer has no Retry-After.
    """
    location = answer.header("location")
    if answer.status != _ACCEPTED or not location:
        return None
    uri = urljoin(call.uri, location)
    left_out = _NEVER_POLLED_WITH | (frozenset() if _origin(uri) == _origin(call.uri) else _FOR_ONE_ORIGIN)
    headers = {name: value for name, value in call.headers.items() if name.lower() not in left_out}
    return replace(
        call,
        method="GET",
        uri=uri,
        content=None,
        headers=headers,
        not_before=_retry_at(answer, now, pause),
        token_resource=call.token_resource if _origin(uri) == _origin(call.uri) else None,
    )


def _token_resource(source: dict[str, Any] | None) -> str | None:
    """Raises HttpCallRefused for a source that is no managed identity or names no resource."""
    if not source:
        return None
    if source.get("kind") != _MANAGED_IDENTITY or not source.get("resource"):
        raise HttpCallRefused(f"call_http knows no token source but {_MANAGED_IDENTITY} with a resource.")
    return str(source["resource"])


def _keeps_secrets(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")


def _origin(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    return parts.scheme, parts.netloc


def _retry_at(answer: HttpAnswer, now: datetime, pause: timedelta) -> datetime:
    text = answer.header("retry-after") or ""
    if text.strip().isdigit():
        return now + timedelta(seconds=min(int(text), 10**9))
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return now + pause
    return when if when.tzinfo else when.replace(tzinfo=UTC)


async def send(call: HttpCall) -> HttpAnswer:
    """Make a request over the network. Redirects are followed."""
    import aiohttp  # the Durable SDK brings it

    headers = dict(call.headers)
    if call.token_resource is not None:
        headers["Authorization"] = f"Bearer {await token_for(call.token_resource)}"
    if call.content is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json"
    data = None if call.content is None else call.content.encode()
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.request(call.method, call.uri, data=data, headers=headers) as response,
    ):
        body = await response.content.read(_LARGEST_BODY_BYTES + 1)
        while len(body) <= _LARGEST_BODY_BYTES and (more := await response.content.read(_LARGEST_BODY_BYTES)):
            body += more
        if len(body) > _LARGEST_BODY_BYTES:
            raise HttpCallRefused(f"The answer of {call.uri} is larger than {_LARGEST_BODY_BYTES} bytes.")
        shown = {name: ", ".join(response.headers.getall(name)) for name in response.headers}
        return HttpAnswer(response.status, shown, body.decode(response.charset or "utf-8", errors="replace"))
