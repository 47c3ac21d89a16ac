"""A service's application on Azurite, asked through its HTTP trigger by any tenant."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import azure.functions as func
import orjson
import pytest
from fastapi import FastAPI

from chassis.context import Principal
from chassis.http.trigger import HttpFront
from chassis.runtime import Runtime
from chassis.settings import Settings


class AnyTenant:
    """Takes the token's text for the tenant: the check of real tokens is tested in the chassis."""

    def __init__(self, *scopes: str) -> None:
        self._scopes = frozenset(scopes)

    async def verify(self, token: str) -> Principal:
        return Principal(subject=f"user-of-{token}", tenant=token, scopes=self._scopes)


@dataclass(frozen=True)
class Answer:
    """A response with its JSON read; None for an empty one."""

    status: int
    headers: dict[str, str]
    body: Any


class TriggerClient:
    """Sends requests as one tenant, a new one unless given."""

    def __init__(self, app: FastAPI, tenant: str | None = None) -> None:
        self.tenant = tenant or uuid4().hex
        self._front = HttpFront(app)

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


@asynccontextmanager
async def opened(
    runtime: Runtime,
    azurite: str,
    verifier: AnyTenant,
    caches: Iterable[Callable[..., Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Runtime]:
    """A service's own runtime on Azurite for one test's event loop, its cached parts made anew, closed after it."""
    monkeypatch.setattr(runtime, "_given_settings", Settings(storage_connection=azurite, otlp_endpoint=None))
    monkeypatch.setitem(runtime.__dict__, "verifier", verifier)
    for cached in caches:
        cached.cache_clear()  # type: ignore[attr-defined]
    yield runtime
    await runtime.close()
    for name in ("settings", "events", "topic", "telemetry"):
        runtime.__dict__.pop(name, None)
    for cached in caches:
        cached.cache_clear()  # type: ignore[attr-defined]
