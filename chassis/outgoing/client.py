"""HTTP to addresses that a tenant chose: guarded, bounded in time and size; no proxies, cookies or trace headers."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from chassis.outgoing.addresses import Guard, GuardedResolver, PrivateAddress, UnsafeUrl

HTTP = frozenset({"http", "https"})
CONNECT_S = 5.0
MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HARMLESS = frozenset({"accept", "accept-language", "content-type", "user-agent", "idempotency-key"})
"""What follows a redirect to another origin: any other header may be a credential."""
_OF_THE_BODY = frozenset({"content-type", "content-length", "content-encoding"})

Reason = Literal["refused", "timeout", "unreachable", "too-large", "invalid"]


class OutgoingError(Exception):
    """No usable answer; the message is plain words without URL, header or body, which may hold secrets."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class OutgoingRequest:
    """One request. `middlewares` are aiohttp's, such as digest authentication."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    middlewares: Sequence[Any] = ()


@dataclass(frozen=True)
class OutgoingResponse:
    """What was answered; header names in lower case, repeated ones joined by a comma."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str


class OutgoingClient:
    """Sends requests within the guard.

    `hosts` maps host names (`name` or `name:port`) to a base URL that is called in their place, whatever the guard
    says: the operator chose it. Belongs to one event loop.
    """

    def __init__(self, guard: Guard, hosts: Mapping[str, str] | None = None) -> None:
        self._guard = guard
        self._hosts = {name.lower(): base.rstrip("/") for name, base in (hosts or {}).items()}
        self._guarded: aiohttp.ClientSession | None = None
        self._mapped: aiohttp.ClientSession | None = None

    @property
    def guard(self) -> Guard:
        """Which addresses may be called."""
        return self._guard

    async def send(
        self, request: OutgoingRequest, *, timeout_s: float, max_bytes: int, redirects: int = 0
    ) -> OutgoingResponse:
        """The answer, whatever its status. Follows at most so many redirects, each checked like the first URL.

        Raises OutgoingError. Only harmless headers follow a redirect to another origin.
        """
        try:
            async with asyncio.timeout(timeout_s):
                for _ in range(redirects):
                    response = await self._once(request, timeout_s, max_bytes)
                    location = response.headers.get("location")
                    if response.status not in _REDIRECTS or not location:
                        return response
                    request = redirected(request, response.status, location)
                return await self._once(request, timeout_s, max_bytes)
        except TimeoutError:
            raise OutgoingError("timeout", f"no complete answer within {timeout_s:g} seconds") from None

    async def close(self) -> None:
        """Close the connections."""
        for session in (self._guarded, self._mapped):
            if session is not None:
                await session.close()
        self._guarded = self._mapped = None

    async def _once(self, request: OutgoingRequest, timeout_s: float, max_bytes: int) -> OutgoingResponse:
        session, url, headers = self._target(request)
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_S)
        try:
            async with session.request(
                request.method,
                url,
                data=request.body,
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
                middlewares=tuple(request.middlewares) or None,
                skip_auto_headers=("Content-Type",),
            ) as answer:
                body = await _read(answer, max_bytes)
                return OutgoingResponse(answer.status, _plain(answer.headers), body, request.url)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PrivateAddress):
                raise OutgoingError("refused", "the host is not a public one") from None
            raise OutgoingError("unreachable", "the host can't be reached") from None
        except aiohttp.ClientPayloadError:
            raise OutgoingError("invalid", "the answer broke off or can't be unpacked") from None
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise OutgoingError("unreachable", f"the call failed: {type(error).__name__}") from None

    def _target(self, request: OutgoingRequest) -> tuple[aiohttp.ClientSession, URL, dict[str, str]]:
        headers = {"user-agent": "platform-workflow/1", **request.headers}
        try:
            url = self._guard.check_url(request.url, HTTP) if not (base := self._base(request.url)) else None
        except UnsafeUrl as error:
            raise OutgoingError("refused", str(error)) from None
        if url is not None:
            return self._open_guarded(), url, headers
        asked = URL(request.url, encoded=True)
        return (
            self._open_mapped(),
            URL(f"{base}{asked.raw_path_qs}", encoded=True),
            {**headers, "host": asked.host_port_subcomponent or ""},
        )

    def _base(self, url: str) -> str | None:
        if not self._hosts:
            return None
        try:
            parsed = URL(url, encoded=True)
            host = (parsed.host or "").lower()
            return self._hosts.get(f"{host}:{parsed.port}") or self._hosts.get(host)
        except ValueError:
            return None

    def _open_guarded(self) -> aiohttp.ClientSession:
        if self._guarded is None:
            self._guarded = _session(aiohttp.TCPConnector(resolver=GuardedResolver(self._guard), use_dns_cache=False))
        return self._guarded

    def _open_mapped(self) -> aiohttp.ClientSession:
        if self._mapped is None:
            self._mapped = _session(aiohttp.TCPConnector())
        return self._mapped


def redirected(request: OutgoingRequest, status: int, location: str) -> OutgoingRequest:
    """The request that a redirect asks for (RFC 9110 section 15.4). Raises OutgoingError when it leads to no URL."""
    try:
        old = URL(request.url, encoded=True)
        new = old.join(URL(location, encoded=True)).with_fragment(None)
        same_origin = old.origin() == new.origin()
    except ValueError:
        raise OutgoingError("invalid", "the answer redirects to what is no URL") from None
    headers = {name: text for name, text in request.headers.items() if same_origin or name.lower() in _HARMLESS}
    changed = replace(request, url=str(new), middlewares=request.middlewares if same_origin else ())
    becomes_get = status == 303 or (status in {301, 302} and request.method.upper() == "POST")
    if becomes_get and request.method.upper() not in {"GET", "HEAD"}:
        headers = {name: text for name, text in headers.items() if name.lower() not in _OF_THE_BODY}
        changed = replace(changed, method="GET", body=None)
    return replace(changed, headers=headers)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


async def _read(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(65_536):
        body += chunk
        if len(body) > max_bytes:
            raise OutgoingError("too-large", f"the answer has more than {max_bytes} bytes")
    return bytes(body)


def _plain(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, raw in headers.items():
        key, value = name.lower(), raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found
