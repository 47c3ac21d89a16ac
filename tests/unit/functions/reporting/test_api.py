"""The reporting API: scopes, and mistakes that are told before anything is stored."""

from typing import Any

import azure.functions as func
import orjson
import pytest

from chassis.context import Principal
from chassis.http.app import create_app
from chassis.http.trigger import HttpFront
from chassis.runtime import Runtime
from chassis.settings import Settings
from functions.reporting import service
from functions.reporting.api import router
from functions.reporting.schemas import ReportAccepted, ReportRequest
from functions.reporting.service import FileContent

GOOD = {"title": "Delays", "job": "job-1", "formats": ["csv"]}


class FakeVerifier:
    """Takes a token that is one scope."""

    async def verify(self, token: str) -> Principal:
        return Principal(subject="demo", tenant="t", scopes=frozenset({token}))


class FakeContext:
    """What the ASGI middleware reads of a context."""

    function_directory = "."
    invocation_id = "1"
    trace_context = None
    retry_context = None
    thread_local_storage = None


@pytest.fixture
def front() -> HttpFront:
    runtime = Runtime("reporting", Settings())
    runtime.__dict__["verifier"] = FakeVerifier()
    return HttpFront(create_app(runtime, router))


async def ask(front: HttpFront, method: str, path: str, scope: str, body: Any = None, **headers: str) -> Any:
    request = func.HttpRequest(
        method=method,
        url=f"http://127.0.0.1/reporting/reports{path}",
        headers={"content-type": "application/json", "authorization": f"Bearer {scope}", **headers},
        body=orjson.dumps(body) if body is not None else b"",
    )
    context: Any = FakeContext()
    return await front.handle(request, context)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "", "reporting.read"),
        ("GET", "/r1", "reporting.write"),
        ("GET", "/r1/files/pdf", "reporting.write"),
        ("DELETE", "/r1", "reporting.read"),
    ],
)
async def test_every_route_asks_for_its_scope(front: HttpFront, method: str, path: str, scope: str) -> None:
    answer = await ask(front, method, path, scope, GOOD if method == "POST" else None)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "/body/title"),
        ({"formats": ["exe"]}, "/body/formats/0"),
        ({"chart": {"x": "a"}}, "/body/chart/y"),
        ({"nonsense": 1}, "/body/nonsense"),
    ],
)
async def test_a_mistake_is_a_400_that_names_its_place(front: HttpFront, change: dict[str, Any], field: str) -> None:
    answer = await ask(front, "POST", "", "reporting.write", {**GOOD, **change})
    problem = orjson.loads(answer.get_body())
    assert (answer.status_code, problem["errors"][0]["field"]) == (400, field)


async def test_an_unknown_format_is_no_file(front: HttpFront) -> None:
    assert (await ask(front, "GET", "/r1/files/exe", "reporting.read")).status_code == 400


async def test_an_accepted_report_is_a_202_with_its_place(front: HttpFront, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str | None] = []

    async def accept(_: Runtime, caller: Principal, request: ReportRequest, key: str | None) -> ReportAccepted:
        keys.append(key)
        return ReportAccepted(id="r1", status="pending")

    monkeypatch.setattr(service, "accept", accept)
    answer = await ask(front, "POST", "", "reporting.write", GOOD, **{"idempotency-key": "k1"})
    assert (answer.status_code, answer.headers["location"], keys) == (202, "/reporting/reports/r1", ["k1"])


async def test_a_file_has_its_type_name_and_etag_and_is_not_sent_twice(
    front: HttpFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_file(*_: object) -> FileContent:
        return FileContent(b"a,b\r\n", "abc", "delays.csv")

    monkeypatch.setattr(service, "read_file", read_file)
    answer = await ask(front, "GET", "/r1/files/csv", "reporting.read")
    assert answer.get_body() == b"a,b\r\n"
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="delays.csv"'
    assert answer.headers["etag"] == '"abc"'
    again = await ask(front, "GET", "/r1/files/csv", "reporting.read", **{"if-none-match": '"abc"'})
    assert (again.status_code, again.get_body()) == (304, b"")
    assert (again.headers["etag"], again.headers["cache-control"]) == ('"abc"', "private, no-cache")
    for other in ('"abcd"', '"x', '"x-"abc""'):
        assert (
            await ask(front, "GET", "/r1/files/csv", "reporting.read", **{"if-none-match": other})
        ).status_code == 200
