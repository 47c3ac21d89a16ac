"""Asking another service: token, tenant, trace and deadline go along; retries, budget and breaker hold it in bounds."""

import asyncio
import random
from collections.abc import Mapping
from time import monotonic
from typing import Any, Literal

import aiohttp
import orjson
from opentelemetry import propagate
from opentelemetry.trace import SpanKind, Tracer

from chassis import context
from chassis.auth.service_token import ServiceToken
from chassis.errors import RETRYABLE_STATUSES, DeadlineExceeded, DependencyUnavailable, RemoteError
from chassis.resilience.breaker import CircuitBreaker
from chassis.resilience.budget import RetryBudget
from chassis.settings import Settings

HttpMethod = Literal["GET", "POST", "PUT", "DELETE"]
MOST_ATTEMPTS = 3
FIRST_PAUSE_S = 0.1
HOP_MARGIN_S = 0.02
"""Taken off the deadline at each hop, so that the caller hears of it before its own time is up."""


class CircuitOpen(DependencyUnavailable):
    """The target has failed repeatedly and is left alone for a moment."""

    code = "platform.circuit-open"


class ServiceClient:
    """HTTP to the other services, with the calling service's own token."""

    def __init__(self, settings: Settings, token: ServiceToken, tracer: Tracer) -> None:
        self._settings = settings
        self._token = token
        self._tracer = tracer
        self._session: aiohttp.ClientSession | None = None
        self._breakers: dict[str, CircuitBreaker] = {}
        self._budgets: dict[str, RetryBudget] = {}

    async def ask(
        self,
        service: str,
        method: HttpMethod,
        path: str,
        json: Any = None,
        *,
        content: bytes | None = None,
        content_type: str = "application/json",
        params: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        timeout_s: float = 10.0,
        raw: bool = False,
        tenant: str | None = None,
    ) -> Any:
        """The answer's JSON (None when empty), or its bytes with `raw`.

        GET, PUT, DELETE and calls with an idempotency key are repeated, at most three times in all and within the
        retry budget; a call marked idempotent must be so at the receiver. Any call is repeated with a new token when
        its token was refused (its signing key may have been withdrawn): nothing was done then.
        Raises RemoteError for an answer of 400 or more or one that is no JSON, DependencyUnavailable when there is
        none, CircuitOpen, DeadlineExceeded when the caller's time is up.
        """
        body = orjson.dumps(json) if json is not None else content
        may_repeat = method != "POST" or idempotency_key is not None
        ends_at = monotonic() + _time_left(timeout_s)
        self._budgets.setdefault(service, RetryBudget()).earn()
        url = self._settings.service_url(service) + path
        for attempt in range(1, MOST_ATTEMPTS + 1):
            headers = await self._headers(body, content_type, idempotency_key, tenant)
            try:
                answer = await self._attempt(service, method, url, body, params, headers, ends_at)
                return answer if raw else _parsed(service, answer)
            except (RemoteError, DependencyUnavailable) as error:
                if not (may_repeat or _token_was_refused(error)) or not self._may_try_again(service, error, attempt):
                    raise
                await _pause(attempt, ends_at)
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt(
        self,
        service: str,
        method: HttpMethod,
        url: str,
        body: bytes | None,
        params: Mapping[str, str] | None,
        headers: dict[str, str],
        ends_at: float,
    ) -> bytes:
        breaker = self._breakers.setdefault(service, CircuitBreaker())
        if not breaker.admit():
            raise CircuitOpen(f"{service} has failed repeatedly; not asked for the moment")
        left = ends_at - monotonic()
        if left <= 0:
            breaker.abandoned()
            raise DeadlineExceeded(f"no time left to ask {service}")
        with self._tracer.start_as_current_span(f"{method} {service}", kind=SpanKind.CLIENT) as span:
            propagate.inject(headers)
            headers["x-platform-deadline-ms"] = str(max(1, int((left - HOP_MARGIN_S) * 1000)))
            try:
                status, answer = await self._send(method, url, body, params, headers, left)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                breaker.failed()
                raise DependencyUnavailable(f"{service} did not answer: {type(error).__name__}") from error
            except asyncio.CancelledError:
                breaker.abandoned()
                raise
            span.set_attribute("http.response.status_code", status)
        breaker.failed() if status in {502, 503, 504} else breaker.succeeded()
        if status == 401:
            self._token.forget()
        if status >= 400:
            raise RemoteError(service, status, _problem(answer))
        return answer

    async def _send(
        self,
        method: str,
        url: str,
        body: bytes | None,
        params: Mapping[str, str] | None,
        headers: dict[str, str],
        left: float,
    ) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=left, connect=min(2.0, left))
        session = self._open()
        async with session.request(
            method, url, data=body, params=params, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            return response.status, await response.read()

    async def _headers(
        self, body: bytes | None, content_type: str, idempotency_key: str | None, tenant: str | None
    ) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {await self._token.get()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        call = context.current()
        if call is not None:
            headers["x-platform-tenant"] = call.principal.tenant
            headers["x-platform-subject"] = call.principal.subject
            if call.correlation_id:
                headers["x-platform-correlation"] = call.correlation_id
        if tenant:
            headers["x-platform-tenant"] = tenant
        return headers

    def _may_try_again(self, service: str, error: Exception, attempt: int) -> bool:
        if attempt >= MOST_ATTEMPTS or isinstance(error, CircuitOpen):
            return False
        if isinstance(error, RemoteError) and error.remote_status not in RETRYABLE_STATUSES | {401}:
            return False
        return self._budgets[service].spend()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit_per_host=50))
        return self._session


def _time_left(timeout_s: float) -> float:
    call = context.current()
    remaining = call.remaining_s() if call is not None else None
    return timeout_s if remaining is None else min(timeout_s, remaining)


async def _pause(attempt: int, ends_at: float) -> None:
    pause = FIRST_PAUSE_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not a secret
    await asyncio.sleep(min(pause, max(0.0, ends_at - monotonic())))


def _token_was_refused(error: Exception) -> bool:
    return isinstance(error, RemoteError) and error.remote_status == 401


def _parsed(service: str, answer: bytes) -> Any:
    try:
        return orjson.loads(answer) if answer else None
    except orjson.JSONDecodeError:
        raise RemoteError(service, 502, {"detail": f"{service} answered with something that is no JSON"}) from None


def _problem(answer: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {"title": answer[:200].decode("utf-8", "replace")}
    return document if isinstance(document, dict) else {}
