"""The monitoring application on the shared Azurite, asked through its HTTP trigger."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import azure.functions as func
import orjson
import pytest

from chassis.context import Principal
from chassis.http.trigger import HttpFront
from chassis.runtime import Runtime
from chassis.settings import Settings
from functions.monitoring import blueprint as composed
from functions.monitoring import composition as parts

SCOPES = frozenset({"monitoring.read", "monitoring.ingest"})


class AnyTenant:
    """Takes the token's text for the tenant: the check of real tokens is tested in the chassis."""

    async def verify(self, token: str) -> Principal:
        return Principal(subject=f"user-of-{token}", tenant=token, scopes=SCOPES)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


class Client:
    """Sends requests as one tenant."""

    def __init__(self, tenant: str | None = None) -> None:
        self.tenant = tenant or uuid4().hex
        self._front = HttpFront(composed.app)

    async def ask(
        self, method: str, path: str, json: Any = None, *, body: bytes | None = None, **headers: str
    ) -> Answer:
        content = orjson.dumps(json) if body is None and json is not None else body or b""
        request = func.HttpRequest(
            method=method,
            url=f"http://test{path}",
            headers={
                "authorization": f"Bearer {self.tenant}",
                "content-type": "application/json",
                "content-length": str(len(content)),
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
            body=content,
        )
        response = await self._front.handle(request, cast(func.Context, None))
        text = response.get_body()
        return Answer(response.status_code, dict(response.headers), orjson.loads(text) if text else None)


@pytest.fixture
async def runtime(azurite: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    """The service's own runtime, opened on Azurite for this test's event loop and closed after it."""
    settings = Settings(AzureWebJobsStorage=azurite, otlp_endpoint=None)
    monkeypatch.setattr(parts.runtime, "_given_settings", settings)
    monkeypatch.setitem(parts.runtime.__dict__, "verifier", AnyTenant())
    caches = (parts.service,)
    for cached in caches:
        cached.cache_clear()
    yield parts.runtime
    await parts.runtime.close()
    for name in ("settings", "events", "topic", "telemetry"):
        parts.runtime.__dict__.pop(name, None)
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
async def client(runtime: Runtime) -> Client:
    """One tenant's client; tenants are new for each test."""
    return Client()
