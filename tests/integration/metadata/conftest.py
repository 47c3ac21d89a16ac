"""The metadata application on the shared Azurite, asked through its HTTP trigger."""

from collections.abc import AsyncIterator

import pytest

from chassis.runtime import Runtime
from functions.metadata import blueprint as composed
from functions.metadata import composition as parts
from tests.trigger_client import AnyTenant, TriggerClient, opened

VERIFIER = AnyTenant("metadata.read", "metadata.write")
CACHES = (parts.schemas, parts.reference_data, parts.configuration)


class Client(TriggerClient):
    """Sends requests as one tenant."""

    def __init__(self, tenant: str | None = None) -> None:
        super().__init__(composed.app, tenant)


@pytest.fixture
async def runtime(azurite: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    """The service's own runtime, opened on Azurite for this test's event loop and closed after it."""
    async with opened(parts.runtime, azurite, VERIFIER, CACHES, monkeypatch) as running:
        yield running


@pytest.fixture
async def client(runtime: Runtime) -> Client:
    """One tenant's client; tenants are new for each test."""
    return Client()
