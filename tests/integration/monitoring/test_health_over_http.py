"""The health of all services over real connections: one ready, one not ready, one gone, one that hangs."""

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from functions.monitoring import health
from functions.monitoring.health import HealthWatch
from local import ports


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
    [unused] = ports.any_free(1)
    yield {"audit": address, "metadata": address, "identity": f"http://127.0.0.1:{unused}", "workflow": address}
    await server.close()


async def test_one_that_hangs_or_is_gone_does_not_slow_the_rest(
    services: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "TIMEOUT_S", 0.3)
    started = perf_counter()
    found = {each.service: each for each in await HealthWatch(services).look()}
    assert perf_counter() - started < 2
    assert {name: each.status for name, each in found.items()} == {
        "audit": "up",
        "metadata": "degraded",
        "identity": "down",
        "workflow": "down",
    }
    assert found["metadata"].detail["checks"] == {"storage": {"status": "down"}}
    assert found["workflow"].detail == {"reason": "no answer in time"}
    assert found["identity"].detail == {"reason": "no connection"}
