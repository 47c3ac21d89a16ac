"""A runtime of its own for each test: fresh tables on the shared Azurite."""

from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest

from chassis.runtime import Runtime
from chassis.settings import Settings
from functions.audit.repository import LogRepository

MakeRepository = Callable[[], LogRepository]


@pytest.fixture
async def make_repository(azurite: str) -> AsyncIterator[MakeRepository]:
    """Opens one more repository on the same log, as another process would."""
    table, opened = f"auditlog{uuid4().hex[:12]}", list[Runtime]()

    def open_one() -> LogRepository:
        runtime = Runtime("audit", Settings(AzureWebJobsStorage=azurite, otlp_endpoint=None))
        opened.append(runtime)
        return LogRepository(runtime.tables.table(table), runtime.blobs.container("audit-leaves"))

    yield open_one
    for runtime in opened:
        await runtime.close()
