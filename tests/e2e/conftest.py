"""One whole platform for all end-to-end tests: Azurite, Envoy, SignalR stand-in and nine service processes."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.demo.api import Api
from local.demo.data import airlines, flights_csv
from local.demo.job import Order, prepare
from local.platform import Platform
from local.webhooks import WebhookReceiver

ROWS = 60_000
CALLS = {"PLATFORM_WORKFLOW_CALL_NETWORKS": "127.0.0.0/8", "PLATFORM_WORKFLOW_PROCESSES": "isolated"}
"""Workflows may call this machine, where the tests' own servers are, and run scripts."""

MAIL_TO = "operations@example.com"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """Started once, on free ports, with a state folder of its own."""
    state = tmp_path_factory.mktemp("platform")
    async with Platform(state_dir=state, free_ports=True, environment=CALLS) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def api(platform: Platform) -> AsyncIterator[Api]:
    """The demo client, logged in, in a trace of its own."""
    client = platform.demo_client
    async with Api(platform.edge_url, client.id, client.secret.get_secret_value()) as opened:
        await opened.log_in()
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(api: Api) -> AsyncIterator[WebhookReceiver]:
    """A webhook receiver that knows the secret of its registration under the trace's id."""
    async with WebhookReceiver() as opened:
        webhook = await api.call("PUT", f"/notification/webhooks/{api.trace_id}", {"url": opened.url})
        opened.secret = webhook["secret"]
        yield opened


@pytest.fixture(scope="session")
def some_flights() -> bytes:
    """The header and the first 60,000 flights: enough for several chunks."""
    return b"".join(flights_csv().splitlines(keepends=True)[: ROWS + 1])


@pytest_asyncio.fixture(loop_scope="session")
async def order(api: Api, receiver: WebhookReceiver, platform: Platform, some_flights: bytes) -> Order:
    """The main job over some flights, with everything registered that it needs."""
    made = Order(some_flights, airlines(), 0, platform.demo_client.id, MAIL_TO, api.trace_id)
    await prepare(api, made)
    return made
