"""A reporting service on a real Azurite, with processing played by a dictionary of results."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from chassis.context import CallContext, Principal, calling
from chassis.errors import RemoteError
from chassis.runtime import Runtime
from chassis.settings import Settings


class FakeProcessing:
    """Answers GET /processing/jobs/{id}/result from memory; an exception stands for a failure."""

    def __init__(self) -> None:
        self.results: dict[str, bytes | Exception] = {}
        self.asked: list[tuple[str, str, str]] = []

    async def ask(self, service: str, method: str, path: str, **options: Any) -> bytes:
        self.asked.append((service, method, path))
        assert options["params"] == {"format": "parquet"}
        found = self.results.get(path.split("/")[3])
        if found is None:
            raise RemoteError("processing", 404, {"title": "Not found", "detail": "there is no such job"})
        if isinstance(found, Exception):
            raise found
        return found

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def caller() -> Principal:
    """A caller in a tenant of its own."""
    return Principal(subject="demo", tenant=f"t{uuid4().hex[:10]}")


@pytest.fixture
def processing() -> FakeProcessing:
    """The results that jobs have."""
    return FakeProcessing()


@pytest.fixture
async def runtime(azurite: str, caller: Principal, processing: FakeProcessing) -> AsyncIterator[Runtime]:
    """The service's runtime, in the caller's context; its events go to a queue of their own."""
    events = {f"events-{caller.tenant}": ("*",)}
    runtime = Runtime("reporting", Settings(storage_connection=azurite, event_subscriptions=events))
    runtime.__dict__["services"] = processing
    with calling(CallContext(caller, "run-1")):
        yield runtime
    await runtime.close()
