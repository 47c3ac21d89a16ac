"""Whether each service is ready: all are asked at once, and one that does not answer keeps nobody waiting."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Any, Literal

import aiohttp
import orjson

TIMEOUT_S = 2.5
"""A little more than a service gives its own checks (2 s), so that its answer comes through."""

KEPT_S = 1.0
"""For how long an answer serves others who ask: a page that polls must not multiply into nine requests each."""

State = Literal["up", "degraded", "down"]


@dataclass(frozen=True)
class ServiceHealth:
    """One service: up (ready), degraded (answers, but is not ready) or down (no answer)."""

    service: str
    status: State
    latency_ms: float
    detail: dict[str, Any]


Fetch = Callable[[str], Awaitable[tuple[int, bytes]]]
"""GET an address: status and body. Raises OSError, TimeoutError or aiohttp.ClientError."""


class HealthWatch:
    """Asks the readiness of services by their addresses."""

    def __init__(self, addresses: Mapping[str, str], fetch: Fetch | None = None) -> None:
        self._addresses = dict(addresses)
        self._fetch = fetch or fetch_once
        self._lock = asyncio.Lock()
        self._seen: tuple[float, list[ServiceHealth]] | None = None

    async def look(self) -> list[ServiceHealth]:
        """All services in their order, at most KEPT_S old."""
        async with self._lock:
            if self._seen is None or monotonic() - self._seen[0] > KEPT_S:
                found = await asyncio.gather(*(self._ask(*each) for each in self._addresses.items()))
                self._seen = monotonic(), list(found)
            return self._seen[1]

    async def _ask(self, service: str, address: str) -> ServiceHealth:
        started = perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, body = await self._fetch(f"{address}/{service}/health/ready")
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            return ServiceHealth(service, "down", _ms_since(started), {"reason": _reason(error)})
        state: State = "up" if status == 200 else "degraded"
        return ServiceHealth(service, state, _ms_since(started), _detail(status, body))


async def fetch_once(url: str) -> tuple[int, bytes]:
    """GET over a connection of its own: what is probed is whether a new caller gets through."""
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as response:
        return response.status, await response.content.read(65_536)


def _detail(status: int, body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"httpStatus": status}
    checks = document.get("checks") if isinstance(document, dict) else None
    return {"httpStatus": status, "checks": checks} if isinstance(checks, dict) else {"httpStatus": status}


def _reason(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else "no connection"


def _ms_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 1)
