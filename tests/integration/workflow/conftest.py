"""The workflow service on a real Azurite and a real durable engine; the services it calls answer from memory."""

import asyncio
import heapq
import inspect
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import azure.functions as func
import pytest
from azure.functions.durable_functions import ActivityTriggerConverter
from azure.functions.meta import Datum
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from chassis.context import CallContext, Principal, calling
from chassis.errors import RemoteError
from chassis.messaging.message import Message, unpacked
from chassis.runtime import Runtime
from chassis.settings import Settings
from durable.workflow import blueprint as durable_blueprint
from durable.workflow.eventing import subscriptions
from funchost.durable import DurableEngine
from funchost.durable.backend import InstanceEnded, InstanceNotFound
from funchost.durable.clock import Alarm, Clock
from funchost.durable.sqlite import SqliteBackend
from functions.workflow import blueprint as service_blueprint
from functions.workflow import composition, events
from functions.workflow.schemas import EventData

KINDS = {"orchestrationTrigger": "orchestrator", "activityTrigger": "activity"}


class FakeServices:
    """Processing and reporting from memory: started work is finished when a test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.made: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.refuse: dict[str, Exception] = {}

    async def ask(self, service: str, method: str, path: str, json: Any = None, **options: Any) -> Any:
        self.asked.append((method, path, json))
        if error := self.refuse.get(path):
            raise error
        if method == "POST":
            return {"id": self._make(path, options["idempotency_key"])}
        found = self.made.get(path)
        if found is None:
            raise RemoteError(service, 404, {"title": "Not found", "detail": path})
        if method == "DELETE":
            del self.made[path]
            return None
        return found

    def _make(self, path: str, key: str) -> str:
        if key not in self.keys:
            self.keys[key] = uuid4().hex
            self.made[f"{path}/{self.keys[key]}"] = {"id": self.keys[key], "status": "running"}
        return self.keys[key]

    def running(self) -> list[str]:
        return [path for path, resource in self.made.items() if resource["status"] == "running"]

    def finish(self, path: str, **members: Any) -> str:
        self.made[path] |= {"status": "completed", **members}
        return str(self.made[path]["id"])

    async def close(self) -> None:
        """Nothing to close."""


class ManualClock(Clock):
    """Stands still until it is moved to its next alarm."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.alarms: list[tuple[datetime, int, list[Callable[[], None]]]] = []
        self.order = count()

    def now(self) -> datetime:
        return self.time

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Alarm:
        ring = [callback]
        heapq.heappush(self.alarms, (when, next(self.order), ring))
        return SimpleNamespace(cancel=ring.clear)  # type: ignore[return-value]

    def go_to_next(self) -> bool:
        while self.alarms:
            when, _, ring = heapq.heappop(self.alarms)
            if ring:
                self.time = max(self.time, when + timedelta(milliseconds=1))
                ring[0]()
                return True
        return False


class EngineClient:
    """The durable client's methods over an engine in this process."""

    def __init__(self, house: "House") -> None:
        self.house = house
        self.started: list[str] = []

    async def start_new(self, orchestration_function_name: str, instance_id: str, client_input: Any) -> str:
        self.started.append(instance_id)
        text = json.dumps(json.dumps(client_input))
        return await self.house.engine.client.start(orchestration_function_name, instance_id, text)

    async def get_status(self, instance_id: str) -> Any:
        row = await self.house.engine.client.get(instance_id)
        state = SimpleNamespace(name=str(row.status)) if row else None
        output = json.loads(row.output) if row and row.output else None
        return SimpleNamespace(runtime_status=state, output=output)

    async def raise_event(self, instance_id: str, event_name: str, event_data: Any = None) -> None:
        try:
            await self.house.engine.client.raise_event(instance_id, event_name, json.dumps(json.dumps(event_data)))
        except InstanceNotFound as error:
            raise RuntimeError(f"No instance with ID {instance_id} found.") from error
        except InstanceEnded as error:  # in the words of the SDK's client
            raise RuntimeError(f"Instance with ID {instance_id} is gone: either completed or failed") from error

    async def suspend(self, instance_id: str, reason: str) -> None:
        await self.house.engine.client.suspend(instance_id, reason)

    async def resume(self, instance_id: str, reason: str) -> None:
        await self.house.engine.client.resume(instance_id, reason)


class House:
    """The service, its engine over a SQLite file, and what surrounds them."""

    def __init__(self, runtime: Runtime, services: FakeServices, caller: Principal, state: Path) -> None:
        self.runtime, self.services, self.caller, self.state = runtime, services, caller, state
        self.clock = ManualClock()
        self.client = EngineClient(self)
        self.code: dict[str, tuple[str, Callable[..., Any]]] = {}
        builders = durable_blueprint.blueprint._function_builders + service_blueprint.blueprint._function_builders
        for function in (builder._function for builder in builders):
            if function._trigger.type in KINDS:
                code = inspect.unwrap(function._func)  # without what makes a client of a binding's text
                self.code[code.__name__] = (function._trigger.type, code)
        self.engine = self._engine()

    def _engine(self) -> DurableEngine:
        return DurableEngine(
            functions={name: (KINDS[kind], name) for name, (kind, _) in self.code.items()},
            invoke=self._invoke,
            settings={},
            state_dir=self.state,
            base_url="http://127.0.0.1:1",
            clock=self.clock,
            backend=SqliteBackend(self.state / "hub.db"),
        )

    async def _invoke(self, name: str, argument: str, trace_parent: str | None) -> Any:
        kind, code = self.code[name]
        if kind == "orchestrationTrigger":
            return code(func.OrchestrationContext(argument))
        given = ActivityTriggerConverter.decode(Datum(argument, "json"), trigger_metadata=None)
        has_client = "client" in inspect.signature(code).parameters
        value = code(given, self.client) if has_client else code(given)
        return await value if inspect.isawaitable(value) else value

    async def restart(self) -> None:
        """The process is replaced by another over the same storage."""
        await self.engine.drain(5)
        self.engine = self._engine()
        await self.engine.start()

    async def idle(self) -> None:
        """Until the engine only waits."""
        while self.engine.waiting().orchestrations or self.engine.waiting().activities:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        await self.runtime.tables.settle()

    async def announce(self, instance_id: str, resource: str) -> bool:
        """The event that a resource's service announces at its end."""
        message = Message(
            id=uuid4().hex,
            type="processing.job.completed",
            source="/processing",
            data=EventData(id=resource),
            tenant=self.caller.tenant,
            principal="svc-processing",
            correlation_id=instance_id,
        )
        delivered = await events.deliver(message, self.client)
        await self.idle()
        return delivered

    async def consume(self, queue: str) -> None:
        """Handle what lies on the service's event queue, as its trigger does."""
        async with QueueClient.from_connection_string(
            self.runtime.settings.storage_connection, queue, message_decode_policy=TextBase64DecodePolicy()
        ) as client:
            async for message in client.receive_messages():
                for event in map(json.loads, unpacked(message.content.encode())):
                    await composition.intake().accept(event["tenantid"], [event], self.client)
                await client.delete_message(message)
        await self.idle()

    async def read(self, instance_id: str) -> Any:
        return await composition.instances().read(self.caller.tenant, instance_id)


@pytest.fixture
def workflow_settings(tmp_path: Path) -> dict[str, Any]:
    """Settings beyond the defaults; modules override it."""
    return {"secrets_file": tmp_path / "secrets.json"}


@pytest.fixture
async def house(
    azurite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workflow_settings: dict[str, Any]
) -> AsyncIterator[House]:
    queues = {"workflow-events": ("*",)}
    settings = Settings(storage_connection=azurite, event_subscriptions=queues, **workflow_settings)
    runtime = Runtime("workflow", settings)
    runtime.event_filters["workflow-events"] = composition.is_listened_to
    services = FakeServices()
    runtime.__dict__["services"] = services
    monkeypatch.setattr(durable_blueprint, "runtime", runtime)
    monkeypatch.setattr(service_blueprint, "runtime", runtime)
    monkeypatch.setattr(composition, "runtime", runtime)
    monkeypatch.setattr(subscriptions, "SETTLE_S", 0.0)  # one process: nobody else has to learn who listens
    caller = Principal(subject="demo", tenant=f"t{uuid4().hex[:10]}")
    house = House(runtime, services, caller, tmp_path)
    await house.engine.start()
    with calling(CallContext(caller, None)):
        yield house
    await house.engine.drain(5)
    await runtime.close()
