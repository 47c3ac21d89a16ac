"""The service client against a real HTTP server on the loopback interface."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Any

import pytest
from aiohttp import web

from chassis.context import CallContext, Principal, calling
from chassis.errors import DeadlineExceeded, DependencyUnavailable, RemoteError
from chassis.http.client import CircuitOpen
from chassis.runtime import Runtime
from chassis.settings import Settings


class Token:
    forgotten = 0

    async def get(self) -> str:
        return "service-token"

    def forget(self) -> None:
        self.forgotten += 1


class Receiver:
    """Answers as told and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.answers: Callable[[int], tuple[int, Any]] = lambda _: (200, {"ok": True})
        self.answered = asyncio.Event()
        self.answered.set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        await self.answered.wait()
        status, body = self.answers(len(self.requests))
        return web.Response(body=body) if isinstance(body, bytes) else web.json_response(body, status=status)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def runtime(receiver: Receiver) -> AsyncIterator[Runtime]:
    made = Runtime("workflow", Settings(service_urls={"metadata": receiver.url, "audit": "http://127.0.0.1:9"}))
    made.__dict__["token"] = Token()
    yield made
    await made.close()


async def test_the_callers_tenant_correlation_trace_and_deadline_go_along(runtime: Runtime, receiver: Receiver) -> None:
    with calling(CallContext(Principal("ada", "acme"), "run-1", monotonic() + 60)):
        assert await runtime.services.ask("metadata", "GET", "/x", params={"a": "b"}) == {"ok": True}
    headers = receiver.requests[0].headers
    assert headers["Authorization"] == "Bearer service-token"
    assert (headers["x-platform-tenant"], headers["x-platform-subject"]) == ("acme", "ada")
    assert headers["x-platform-correlation"] == "run-1"
    assert 1000 < int(headers["x-platform-deadline-ms"]) < 60_000
    assert len(headers["traceparent"]) == 55


async def test_an_idempotent_call_is_repeated_after_a_passing_failure(runtime: Runtime, receiver: Receiver) -> None:
    receiver.answers = lambda n: (503, {"title": "busy"}) if n < 3 else (200, {"n": n})
    assert await runtime.services.ask("metadata", "POST", "/x", {"a": 1}, idempotency_key="k") == {"n": 3}
    assert {request.headers["Idempotency-Key"] for request in receiver.requests} == {"k"}


async def test_a_post_without_a_key_is_made_once(runtime: Runtime, receiver: Receiver) -> None:
    receiver.answers = lambda _: (503, {})
    with pytest.raises(RemoteError):
        await runtime.services.ask("metadata", "POST", "/x", {"a": 1})
    assert len(receiver.requests) == 1


async def test_a_refusal_is_not_repeated_and_keeps_its_problem(runtime: Runtime, receiver: Receiver) -> None:
    receiver.answers = lambda _: (422, {"type": "urn:x", "detail": "no", "rows": [7]})
    with pytest.raises(RemoteError) as caught:
        await runtime.services.ask("metadata", "GET", "/x")
    assert len(receiver.requests) == 1
    assert caught.value.problem()["rows"] == [7]


async def test_a_refused_token_is_forgotten(runtime: Runtime, receiver: Receiver) -> None:
    receiver.answers = lambda n: (401, {}) if n == 1 else (200, {})
    await runtime.services.ask("metadata", "GET", "/x")
    assert Token.forgotten + runtime.token.forgotten >= 1  # type: ignore[attr-defined]


async def test_a_call_whose_token_was_refused_is_made_again_whatever_it_does(
    runtime: Runtime, receiver: Receiver
) -> None:
    receiver.answers = lambda n: (401, {}) if n == 1 else (201, {"n": n})
    assert await runtime.services.ask("metadata", "POST", "/x", {"a": 1}) == {"n": 2}


async def test_an_answer_that_is_no_json_is_the_remotes_failure(runtime: Runtime, receiver: Receiver) -> None:
    receiver.answers = lambda _: (200, b"<html>")
    with pytest.raises(RemoteError) as caught:
        await runtime.services.ask("metadata", "GET", "/x")
    assert caught.value.http_status == 502


async def test_a_target_that_keeps_failing_is_left_alone(runtime: Runtime, receiver: Receiver) -> None:
    receiver.answers = lambda _: (503, {})
    for _ in range(6):
        with pytest.raises((RemoteError, CircuitOpen)):
            await runtime.services.ask("metadata", "GET", "/x")
    seen = len(receiver.requests)
    with pytest.raises(CircuitOpen):
        await runtime.services.ask("metadata", "GET", "/x")
    assert len(receiver.requests) == seen == 5


async def test_one_targets_failure_does_not_stop_calls_to_another(runtime: Runtime, receiver: Receiver) -> None:
    for _ in range(6):
        with pytest.raises(DependencyUnavailable):
            await runtime.services.ask("audit", "GET", "/x")
    assert await runtime.services.ask("metadata", "GET", "/x") == {"ok": True}


async def test_a_slow_answer_ends_at_the_callers_deadline(runtime: Runtime, receiver: Receiver) -> None:
    receiver.answered.clear()
    without_deadline = asyncio.create_task(runtime.services.ask("metadata", "POST", "/x"))
    with calling(CallContext(Principal("ada", "acme"), None, monotonic() + 0.3)), pytest.raises(DependencyUnavailable):
        await runtime.services.ask("metadata", "POST", "/x")
    assert not without_deadline.done()
    receiver.answered.set()
    assert await without_deadline == {"ok": True}


async def test_a_call_without_time_left_is_not_made(runtime: Runtime, receiver: Receiver) -> None:
    with calling(CallContext(Principal("ada", "acme"), None, monotonic() - 1)), pytest.raises(DeadlineExceeded):
        await runtime.services.ask("metadata", "GET", "/x")
    assert receiver.requests == []
