"""How one sees that a process is ready. A probe never raises: it says yes or not yet."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

Probe = Callable[[], Awaitable[bool]]
TIMEOUT_S = 5.0


def listening(*ports: int, host: str = "127.0.0.1") -> Probe:
    """Ready when all these ports accept connections."""

    async def probe() -> bool:
        return all([await _accepts(host, port) for port in ports])

    return probe


def answering(*urls: str) -> Probe:
    """Ready when each of these URLs, in this order, answers GET with a status below 300."""

    async def probe() -> bool:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return all([await _answers(session, url) for url in urls])

    return probe


async def _accepts(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status < 300
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
