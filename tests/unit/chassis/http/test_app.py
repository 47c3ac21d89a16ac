from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from chassis import context
from chassis.context import Principal
from chassis.errors import NotFound, Unauthorized
from chassis.http.app import create_app, requires
from chassis.models import Contract
from chassis.runtime import Runtime
from chassis.settings import Settings

PRINCIPALS = {
    "reader": Principal("ada", "acme", frozenset({"metadata.read"})),
    "service": Principal("svc-workflow", "platform", frozenset({"metadata.read"}), "service"),
    "user": Principal("una", "acme", frozenset({"metadata.read"}), "user"),
    "nobody": Principal("eve", "acme", frozenset()),
}


class Verifier:
    async def verify(self, token: str) -> Principal:
        if token not in PRINCIPALS:
            raise Unauthorized("the access token is not valid")
        return PRINCIPALS[token]


class Body(Contract):
    item_name: str


router = APIRouter(prefix="/metadata")


@router.get("/who")
async def who(caller: Principal = requires("metadata.read")) -> dict[str, Any]:
    call = context.current()
    assert call is not None
    remaining = call.remaining_s()
    return {
        "tenant": caller.tenant,
        "subject": caller.subject,
        "correlation": call.correlation_id,
        "hasDeadline": remaining is not None,
    }


@router.post("/things")
async def things(body: Body, caller: Principal = requires("metadata.read")) -> Body:
    return body


@router.put("/things/{name}")
async def put_thing(name: str, caller: Principal = requires("metadata.read")) -> None: ...


@router.delete("/things/{name}")
async def delete_thing(name: str, caller: Principal = requires("metadata.read")) -> None: ...


@router.get("/missing")
async def missing() -> None:
    raise NotFound("no such thing")


@router.get("/broken")
async def broken() -> None:
    raise KeyError("a secret that nobody may see")


async def bad() -> None:
    raise ConnectionError


async def good() -> None:
    return None


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    runtime = Runtime("metadata", Settings())
    runtime.__dict__["verifier"] = Verifier()
    app = create_app(runtime, router, checks={"storage": good, "identity": bad})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as opened:
        yield opened


def bearer(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **{key.replace("_", "-"): value for key, value in headers.items()}}


async def test_a_token_with_the_scope_passes(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metadata/who", headers=bearer("reader"))
    assert answer.json() == {"tenant": "acme", "subject": "ada", "correlation": None, "hasDeadline": False}


@pytest.mark.parametrize(
    ("headers", "status", "challenge"),
    [
        ({}, 401, "Bearer"),
        ({"Authorization": "Basic abc"}, 401, "Bearer"),
        ({"Authorization": "Bearer"}, 401, "Bearer"),
        ({"Authorization": "Bearer wrong"}, 401, 'Bearer error="invalid_token"'),
        ({"Authorization": "Bearer nobody"}, 403, 'Bearer error="insufficient_scope", scope="metadata.read"'),
    ],
)
async def test_other_tokens_are_refused_with_a_problem_and_a_challenge(
    client: httpx.AsyncClient, headers: dict[str, str], status: int, challenge: str
) -> None:
    answer = await client.get("/metadata/who", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (status, challenge)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert len(answer.json()["traceId"]) == 32


async def test_two_authorization_headers_are_refused(client: httpx.AsyncClient) -> None:
    headers = [("Authorization", "Bearer reader"), ("Authorization", "Bearer service")]
    assert (await client.get("/metadata/who", headers=headers)).status_code == 401


async def test_a_service_speaks_for_the_tenant_it_names(client: httpx.AsyncClient) -> None:
    headers = bearer(
        "service",
        x_platform_tenant="acme",
        x_platform_subject="ada",
        x_platform_correlation="run-1",
        x_platform_deadline_ms="500",
    )
    answer = await client.get("/metadata/who", headers=headers)
    assert answer.json() == {"tenant": "acme", "subject": "ada", "correlation": "run-1", "hasDeadline": True}


async def test_an_application_can_not_speak_for_another_tenant(client: httpx.AsyncClient) -> None:
    headers = bearer("reader", x_platform_tenant="other", x_platform_subject="root", x_platform_correlation="run-1")
    answer = await client.get("/metadata/who", headers=headers)
    assert answer.json() == {"tenant": "acme", "subject": "ada", "correlation": None, "hasDeadline": False}


async def test_a_user_can_not_speak_for_another_tenant_or_subject(client: httpx.AsyncClient) -> None:
    headers = bearer("user", x_platform_tenant="other", x_platform_user="root", x_platform_subject="root")
    answer = (await client.get("/metadata/who", headers=headers)).json()
    assert (answer["tenant"], answer["subject"]) == ("acme", "una")


async def test_a_service_through_the_edge_stays_itself(client: httpx.AsyncClient) -> None:
    # The edge sets both from the service's own token and strips x-platform-subject.
    headers = bearer("service", x_platform_tenant="platform", x_platform_user="svc-workflow")
    answer = (await client.get("/metadata/who", headers=headers)).json()
    assert (answer["tenant"], answer["subject"]) == ("platform", "svc-workflow")


@pytest.mark.parametrize("deadline", ["soon", "-1", "1.5", "9" * 30])
async def test_a_deadline_that_is_no_number_is_refused(client: httpx.AsyncClient, deadline: str) -> None:
    answer = await client.get("/metadata/who", headers=bearer("reader", x_platform_deadline_ms=deadline))
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"itemName": 1}', b'{"itemName": "a", "more": 1}'])
async def test_a_body_of_another_form_is_a_problem_that_names_the_place(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/metadata/things", content=body, headers=bearer("reader"))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith("/body")


async def test_a_typed_error_keeps_its_status(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metadata/missing")
    assert (answer.status_code, answer.json()["detail"]) == (404, "no such thing")


async def test_an_unforeseen_error_shows_nothing_of_itself(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metadata/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "KeyError" not in answer.text
    assert len(answer.json()["traceId"]) == 32


async def test_an_unknown_path_is_a_problem_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metadata/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/metadata/things/a", "PUT, DELETE"),
        ("/metadata/things", "POST"),
        ("/metadata/health/live", "GET"),
        ("/metadata/openapi.json", "GET, HEAD"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "OPTIONS"])
async def test_another_method_is_refused_with_all_that_the_path_has(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 405


async def test_readiness_names_each_dependency(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metadata/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["storage"]["status"] == "up"
    assert answer.json()["checks"]["identity"] == {"status": "down", "reason": "ConnectionError"}
    document = (await client.get("/metadata/openapi.json")).json()
    told = document["paths"]["/metadata/health/ready"]["get"]["responses"]["503"]
    assert told["content"].keys() == {"application/json", "application/problem+json"}


async def test_liveness_asks_nobody(client: httpx.AsyncClient) -> None:
    assert (await client.get("/metadata/health/live")).json() == {"status": "live"}


async def test_metrics_count_requests_by_route_and_not_by_path(client: httpx.AsyncClient) -> None:
    await client.get("/metadata/who", headers=bearer("reader"))
    text = (await client.get("/metadata/metrics")).text
    assert 'http_route="/metadata/who"' in text
    assert "http_server_request_duration_seconds_count" in text


async def test_the_openapi_document_names_the_scope_of_each_route(client: httpx.AsyncClient) -> None:
    document = (await client.get("/metadata/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert document["paths"]["/metadata/who"]["get"]["security"] == [{"platform": ["metadata.read"]}]


async def test_the_trace_of_the_caller_goes_on(client: httpx.AsyncClient) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    answer = await client.get("/metadata/missing", headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
    assert answer.json()["traceId"] == trace_id
