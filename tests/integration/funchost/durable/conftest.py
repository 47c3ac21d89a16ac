"""A durable engine behind a real HTTP server, and the SDK's own client to talk to it.

Over either backend, with orchestrators' code kept in memory and with a replay at every turn: each test runs all four.
"""

import asyncio
import inspect
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest
import uvicorn
from azure.durable_functions.models.utils import http_utils
from azure.functions.durable_functions import ActivityTriggerConverter
from azure.functions.meta import Datum

from funchost.durable import DurableEngine
from funchost.durable.backend import Backend
from funchost.durable.live import keeping
from funchost.durable.memory import MemoryBackend
from funchost.durable.sqlite import SqliteBackend

bp = df.Blueprint()


@bp.activity_trigger(input_name="name")
def greet(name: str) -> str:
    return f"Hello {name}!"


@bp.orchestration_trigger(context_name="context")
def greets(context: df.DurableOrchestrationContext) -> Any:
    value = yield context.call_activity("greet", context.get_input()["name"])
    return {"greeting": value}


@bp.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext) -> Any:
    context.set_custom_status("waiting")
    value = yield context.wait_for_external_event("go")
    return value


@bp.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext) -> None:
    context.set_state(context.get_state(lambda: 0) + (context.get_input() or 1))


@bp.orchestration_trigger(context_name="context")
def breaks(_context: df.DurableOrchestrationContext) -> Any:
    raise ValueError("broken")


async def invoke(name: str, argument: str, _trace_parent: str | None) -> Any:
    for builder in bp._function_builders:
        function = builder._function
        if function._name == name or function._func.__name__ == name:
            if function._trigger.type == "orchestrationTrigger":
                return CODE[name](func.OrchestrationContext(argument))
            if function._trigger.type == "entityTrigger":
                return function._func(func.EntityContext(argument))
            value = function._func(ActivityTriggerConverter.decode(Datum(argument, "json"), trigger_metadata=None))
            return await value if inspect.isawaitable(value) else value
    raise AssertionError(name)


CODE = {builder._function._func.__name__: keeping(builder._function._func) for builder in bp._function_builders}
FUNCTIONS = {
    "greet": ("activity", "greet"),
    "greets": ("orchestrator", "greets"),
    "waits": ("orchestrator", "waits"),
    "breaks": ("orchestrator", "breaks"),
    "counter": ("entity", "counter"),
}


def _mount(asgi: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await asgi(scope, receive, send)

    return app


@pytest.fixture(params=["sqlite", "memory"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Where the hub is kept."""
    return SqliteBackend(tmp_path / "web.db") if request.param == "sqlite" else MemoryBackend()


@pytest.fixture(params=["kept", "replayed"])
async def engine(request: pytest.FixtureRequest, backend: Backend, tmp_path: Path) -> Any:
    """A started engine whose management API answers at its base URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = {"hubName": "web", "extendedSessionsEnabled": request.param == "kept"}
    engine = DurableEngine(FUNCTIONS, invoke, settings, tmp_path, base_url, backend=backend)
    await engine.start()
    server = uvicorn.Server(uvicorn.Config(_mount(engine.asgi), lifespan="off", log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield engine
    server.should_exit = True
    await http_utils._close_session()
    await serving
    await engine.drain(5)


@pytest.fixture
def client(engine: DurableEngine) -> df.DurableOrchestrationClient:
    """The SDK's client, made from the binding as the SDK does it."""
    return df.DurableOrchestrationClient(engine.client_binding(None, None))
