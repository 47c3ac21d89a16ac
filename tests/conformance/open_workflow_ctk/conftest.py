"""The specification's conformance kit where it lies beside the repository, and the platform that it is held against."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from chassis.manifest import read_manifests
from local.credentials import make_credentials
from local.demo.api import Api
from local.layout import ROOT, Layout
from local.platform import Platform
from tests.conformance.open_workflow_ctk.gherkin import Scenario, read_features
from tests.conformance.open_workflow_ctk.hosts import application

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "conformance" / "open-workflow" / "ctk"
KIT = Path(os.environ.get("OPEN_WORKFLOW_CTK", BESIDE))
SCENARIOS = read_features(KIT / "features") if KIT.is_dir() else []
HOSTS = ("petstore.swagger.io", "httpbin.org")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scenario" in metafunc.fixturenames:
        absent = pytest.param(None, marks=pytest.mark.skip(reason=f"the conformance kit is not at {KIT}"))
        names = [f"{scenario.feature}: {scenario.name}" for scenario in SCENARIOS]
        metafunc.parametrize("scenario", SCENARIOS or [absent], ids=names or ["absent"])


@dataclass(frozen=True)
class House:
    """The running platform, and a client of a tenant of its own for each scenario."""

    edge_url: str
    secret: str

    def api(self, scenario: Scenario) -> Api:
        return Api(self.edge_url, client_id(scenario), self.secret)


def client_id(scenario: Scenario) -> str:
    """The kit gives two definitions one name and version: each scenario has a tenant, and so a place, of its own."""
    return f"ctk-{SCENARIOS.index(scenario)}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hosts() -> AsyncIterator[str]:
    """The address of a local server that stands for the outside hosts."""
    runner = web.AppRunner(application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory, hosts: str) -> AsyncIterator[House]:
    """Edge, identity and workflow; the operator's setting leads the kit's hosts to the local server."""
    state_dir = tmp_path_factory.mktemp("ctk")
    layout = Layout(ROOT, state_dir)
    layout.make()
    demo = make_credentials(layout, read_manifests(ROOT / "functions"), "http://127.0.0.1").demo_client
    clients = state_dir / "ctk-clients.json"
    clients.write_text(json.dumps(list(_clients(json.loads(layout.clients_file.read_bytes()), demo.id))))
    environment = {
        "PLATFORM_CLIENTS_FILE": str(clients),
        "PLATFORM_WORKFLOW_CALL_HOSTS": json.dumps(dict.fromkeys(HOSTS, hosts)),
    }
    services = ("gateway", "identity", "workflow")
    async with Platform(state_dir=state_dir, environment=environment, services=services, free_ports=True) as running:
        yield House(running.edge_url, demo.secret.get_secret_value())


def _clients(known: list[dict[str, Any]], demo_id: str) -> Iterator[dict[str, Any]]:
    yield from known
    [demo] = [client for client in known if client["clientId"] == demo_id]
    for scenario in SCENARIOS:
        yield {**demo, "clientId": client_id(scenario), "tenant": client_id(scenario)}
