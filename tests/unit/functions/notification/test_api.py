"""The negotiate route: a connection is given only to the token's own subject."""

from typing import Any

import azure.functions as func
import orjson
import pytest

from chassis.context import Principal
from chassis.errors import Unauthorized
from chassis.http.app import create_app
from chassis.http.trigger import HttpFront
from chassis.runtime import Runtime
from chassis.settings import Settings
from functions.notification.api import router
from functions.notification.connection import offering

INFO = '{"url": "http://hub/client/?hub=platform", "accessToken": "hub-token"}'


class FakeVerifier:
    """Takes the token `<subject>:<scope>`."""

    async def verify(self, token: str) -> Principal:
        subject, _, scope = token.partition(":")
        if not scope:
            raise Unauthorized("no")
        return Principal(subject=subject, tenant="t", scopes=frozenset({scope}))


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


async def test_the_connection_of_the_tokens_subject_is_given(front: HttpFront) -> None:
    headers = {"authorization": bearer("demo:notification.read"), "x-platform-user": "demo"}
    with offering(INFO):
        status, answer = await ask(front, "POST", "negotiate", **headers)
    assert (status, answer) == (200, orjson.loads(INFO))


@pytest.mark.parametrize("user", ["victim", "Demo", ""])
async def test_the_connection_of_another_user_is_refused(front: HttpFront, user: str) -> None:
    headers = {"authorization": bearer("demo:notification.read"), "x-platform-user": user}
    with offering(INFO):
        status, answer = await ask(front, "POST", "negotiate", **headers)
    assert (status, answer["type"]) == (403, "urn:problem:notification:not-your-connection")
    assert "hub-token" not in str(answer)


async def test_without_a_user_from_the_edge_there_is_no_connection(front: HttpFront) -> None:
    with offering(INFO):
        status, _ = await ask(front, "POST", "negotiate", authorization=bearer("demo:notification.read"))
    assert status == 403


async def test_without_a_hub_the_answer_is_that_push_is_not_available(front: HttpFront) -> None:
    headers = {"authorization": bearer("demo:notification.read"), "x-platform-user": "demo"}
    status, answer = await ask(front, "POST", "negotiate", **headers)
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
