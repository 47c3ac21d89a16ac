"""The processing service beside those it needs, with a client for the demo tenant; or its nodes on an Azurite alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
import pytest_asyncio

from local.azurite import Azurite
from local.layout import ROOT
from local.platform import Platform
from tests.integration.processing.nodes import Parts

SERVICES = ("gateway", "identity", "metadata", "processing")
PATIENCE_S = 60.0


class Client:
    """The API through the edge."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._http = httpx.AsyncClient(timeout=30)

    async def open(self) -> None:
        """Get a token."""
        demo = self._platform.demo_client
        answer = await self._http.post(
            f"{self._platform.edge_url}/identity/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(demo.id, demo.secret.get_secret_value()),
        )
        self._http.headers["authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request through the edge."""
        return await self._http.request(method, self._platform.edge_url + path, **options)

    async def dataset(self, content: bytes, **request: Any) -> str:
        """A dataset with this content."""
        answer = await self.ask("POST", "/processing/datasets", json={"name": "flights", "format": "csv", **request})
        created = answer.raise_for_status().json()
        async with httpx.AsyncClient(timeout=60) as storage:
            put = await storage.put(created["uploadUrl"], content=content, headers={"x-ms-blob-type": "BlockBlob"})
        put.raise_for_status()
        return str(created["id"])

    async def start(self, path: str, request: dict[str, Any]) -> str:
        """Start a validation or job and return its path."""
        answer = await self.ask("POST", path, json=request)
        assert answer.status_code == 202, answer.text
        return f"{path}/{answer.json()['id']}"

    async def ended(self, path: str) -> dict[str, Any]:
        """The work at this path, once it has ended."""
        ends_at = monotonic() + PATIENCE_S
        while monotonic() < ends_at:
            answer = await self.ask("GET", path)
            if answer.is_success and answer.json()["status"] not in {"pending", "running"}:
                found: dict[str, Any] = answer.json()
                return found
            await asyncio.sleep(0.1)
        raise AssertionError(f"{path} has not ended: {answer.text}")

    async def do(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        """Start work and wait for its end."""
        return await self.ended(await self.start(path, request))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: Any) -> AsyncIterator[Platform]:
    """The services on free ports, with data of their own."""
    folder: Path = tmp_path_factory.mktemp("platform")
    async with Platform(ROOT, folder, services=SERVICES, free_ports=True) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(platform: Platform) -> AsyncIterator[Client]:
    """The demo client."""
    opened = Client(platform)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def storage() -> Iterator[str]:
    """An Azurite for one test: nodes of others would take its partitions."""
    with Azurite() as running:
        yield running.connection_string


@pytest_asyncio.fixture
async def parts(storage: str) -> AsyncIterator[Parts]:
    """All that a node is made of, over it."""
    made = Parts(storage)
    yield made
    await made.close()
