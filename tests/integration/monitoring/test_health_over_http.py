"""The health of all services over real connections: one ready, one not ready, one gone, one that hangs."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from functions.monitoring import health
from functions.monitoring.health import HealthWatch


@pytest.fixture
async def services() -> AsyncIterator[dict[str, str]]:
    """Addresses by service."""

    async def ready(_: web.Request) -> web.Response:
        return web.json_response({"checks": {"storage": {"status": "up"}}})

    async def not_ready(_: web.Request) -> web.Response:
        return web.json_response({"checks": {"storage": {"status": "down"}}}, status=503)

    async def hanging(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    application = web.Application()
    application.router.add_get("/audit/health/ready", ready)
    application.router.add_get("/metadata/health/ready", not_ready)
    application.router.add_get("/workflow/health/ready", hanging)
    server = TestServer(application, shutdown_timeout=0)
    await server.start_server()
    address = str(server.make_url("")).rstrip("/")
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # taken, and nobody listens
        gone = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        yield {"audit": address, "metadata": address, "identity": gone, "workflow": address}
    await server.close()


async def test_one_that_hangs_or_is_gone_does_not_slow_the_rest(
    services: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "TIMEOUT_S", 3.0)
    found = {each.service: each for each in await HealthWatch(services).look()}
    assert {name: each.status for name, each in found.items()} == {
        "audit": "up",
        "metadata": "degraded",
        "identity": "down",
        "workflow": "down",
    }
    assert found["metadata"].detail["checks"] == {"storage": {"status": "down"}}
    assert found["workflow"].detail == {"reason": "no answer in time"}
    assert found["identity"].detail == {"reason": "no connection"}
