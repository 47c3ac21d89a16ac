"""Fresh tables on the shared Azurite for each test, and the application asked through its HTTP trigger."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast
from uuid import uuid4

import azure.functions as func
import orjson
import pytest

from chassis.context import Principal
from chassis.http.trigger import HttpFront
from chassis.runtime import Runtime
from chassis.settings import Settings
from functions.audit import blueprint as composed
from functions.audit import composition as parts
from functions.audit.repository import LogRepository
from functions.audit.service import AuditService

Ask = Callable[[str, str | None], Awaitable[tuple[int, Any]]]

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


class AnyTenant:
    """Takes the token's text for the tenant: the check of real tokens is tested in the chassis."""

    async def verify(self, token: str) -> Principal:
        return Principal(subject="auditor", tenant=token, scopes=frozenset({"audit.read"}))


@pytest.fixture
def ask(make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """GET a path as a tenant (None: without a token); status and JSON body."""
    service = AuditService(make_repository())
    monkeypatch.setattr(parts, "service", lambda: service)
    monkeypatch.setitem(parts.runtime.__dict__, "verifier", AnyTenant())
    front = HttpFront(composed.app)

    async def get(path: str, tenant: str | None = "acme") -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {tenant}"} if tenant else {}
        request = func.HttpRequest(method="GET", url=f"http://test{path}", headers=headers, body=b"")
        response = await front.handle(request, cast(func.Context, None))
        return response.status_code, orjson.loads(response.get_body())

    return get
