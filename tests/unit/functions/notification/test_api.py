"""The negotiate route: a connection is given only to the token's own subject."""

from typing import Any

import azure.functions as func
import orjson
import pytest

from chassis.context import Principal, PrincipalKind
from chassis.errors import Unauthorized
from chassis.http.app import create_app
from chassis.http.trigger import HttpFront
from chassis.runtime import Runtime
from chassis.settings import Settings
from functions.notification.api import router
from functions.notification.connection import offering

INFO = '{"url": "http://hub/client/?hub=platform", "accessToken": "hub-token"}'


class FakeVerifier:
    """Takes the token `<subject>:<scope>` of tenant `t`; `svc-` begins a service."""

    async def verify(self, token: str) -> Principal:
        subject, _, scope = token.partition(":")
        if not scope:
            raise Unauthorized("no")
        kind: PrincipalKind = "service" if subject.startswith("svc-") else "user"
        return Principal(subject=subject, tenant="t", scopes=frozenset({scope}), kind=kind)


class FakeContext:
    """What the ASGI middleware reads of a context."""

    function_directory = "."
    invocation_id = "1"
    trace_context = None
    retry_context = None
    thread_local_storage = None


@pytest.fixture
def front() -> HttpFront:
    runtime = Runtime("notification", Settings())
    runtime.__dict__["verifier"] = FakeVerifier()
    return HttpFront(create_app(runtime, router))


async def ask(front: HttpFront, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    request = func.HttpRequest(
        method=method,
        url=f"http://127.0.0.1/notification/{path}",
        headers={"content-type": "application/json", **headers},
        body=orjson.dumps(body) if body is not None else b"",
    )
    context: Any = FakeContext()
    response = await front.handle(request, context)
    content = response.get_body()
    return response.status_code, orjson.loads(content) if content else None


def bearer(token: str) -> str:
    return f"Bearer {token}"


def as_the_edge_says(subject: str, tenant: str, user: str) -> dict[str, str]:
    """The headers of a request with the token of `subject` (of tenant `t`), made for `user` of `tenant`."""
    return {
        "authorization": bearer(f"{subject}:notification.read"),
        "x-platform-tenant": tenant,
        "x-platform-user": user,
    }


async def test_the_connection_of_the_tokens_tenant_and_subject_is_given(front: HttpFront) -> None:
    with offering(INFO):
        status, answer = await ask(front, "POST", "negotiate", **as_the_edge_says("demo", "t", "demo"))
    assert (status, answer) == (200, orjson.loads(INFO))


@pytest.mark.parametrize(
    ("tenant", "user"),
    [("t", "victim"), ("t", "Demo"), ("t", ""), ("other", "demo"), ("T", "demo"), ("", "demo"), ("", "t:demo")],
)
async def test_the_connection_of_another_tenant_or_user_is_refused(front: HttpFront, tenant: str, user: str) -> None:
    with offering(INFO):
        status, answer = await ask(front, "POST", "negotiate", **as_the_edge_says("demo", tenant, user))
    assert (status, answer["type"]) == (403, "urn:problem:notification:not-your-connection")
    assert "hub-token" not in str(answer)


@pytest.mark.parametrize("absent", ["x-platform-tenant", "x-platform-user"])
async def test_without_tenant_and_user_from_the_edge_there_is_no_connection(front: HttpFront, absent: str) -> None:
    headers = as_the_edge_says("demo", "t", "demo")
    del headers[absent]
    with offering(INFO):
        status, _ = await ask(front, "POST", "negotiate", **headers)
    assert status == 403


@pytest.mark.parametrize("user", ["demo", "svc-workflow"])
async def test_a_service_that_speaks_for_a_tenant_gets_no_connection(front: HttpFront, user: str) -> None:
    headers = {**as_the_edge_says("svc-workflow", "other", user), "x-platform-subject": user}
    with offering(INFO):
        status, _ = await ask(front, "POST", "negotiate", **headers)
    assert status == 403


async def test_without_a_hub_the_answer_is_that_push_is_not_available(front: HttpFront) -> None:
    status, answer = await ask(front, "POST", "negotiate", **as_the_edge_says("demo", "t", "demo"))
    assert (status, answer["type"]) == (503, "urn:problem:notification:no-connection-info")


@pytest.mark.parametrize(
    ("method", "path", "scope", "status"),
    [
        ("POST", "negotiate", "notification.send", 403),
        ("POST", "messages", "notification.read", 403),
        ("GET", "messages/m1", "notification.send", 403),
        ("PUT", "webhooks/w", "notification.read", 403),
        ("DELETE", "webhooks/w", "notification.read", 403),
        ("POST", "messages", "", 401),
    ],
)
async def test_every_route_asks_for_its_scope(
    front: HttpFront, method: str, path: str, scope: str, status: int
) -> None:
    body = {"subject": "s", "channels": [{"type": "signalr", "userId": "u"}], "url": "https://example.org/"}
    sent = {"url": body["url"]} if "webhooks" in path else {k: v for k, v in body.items() if k != "url"}
    token = bearer(f"demo:{scope}" if scope else "nonsense")
    answered, problem = await ask(front, method, path, sent, authorization=token)
    assert (answered, problem["status"]) == (status, status)


async def test_a_hostile_message_is_a_400_that_names_the_field(front: HttpFront) -> None:
    body = {"subject": "s\r\nBcc: x@y", "channels": [{"type": "email", "to": ["a@b"]}]}
    status, problem = await ask(front, "POST", "messages", body, authorization=bearer("demo:notification.send"))
    assert (status, problem["errors"][0]["field"]) == (400, "/body/subject")
