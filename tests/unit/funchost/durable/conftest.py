"""A hub under test: real SDK functions, a virtual clock, either backend."""

import asyncio
import heapq
import inspect
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest
from azure.functions.durable_functions import ActivityTriggerConverter
from azure.functions.meta import Datum

from funchost.durable import DurableEngine
from funchost.durable.backend import Backend, InstanceRow
from funchost.durable.clock import Alarm, Clock
from funchost.durable.http_calls import send
from funchost.durable.live import keeping
from funchost.durable.memory import MemoryBackend
from funchost.durable.sqlite import SqliteBackend

_KINDS = {"orchestrationTrigger": "orchestrator", "activityTrigger": "activity", "entityTrigger": "entity"}


class _VirtualAlarm(Alarm):
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock(Clock):
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._alarms: list[tuple[datetime, int, _VirtualAlarm]] = []
        self._order = count()

    def now(self) -> datetime:
        return self._now

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Alarm:
        alarm = _VirtualAlarm(callback)
        heapq.heappush(self._alarms, (when, next(self._order), alarm))
        return alarm

    def advance(self, step: timedelta) -> None:
        """Go on, ringing what is due on the way."""
        end = self._now + step
        while self._alarms and self._alarms[0][0] <= end:
            when, _, alarm = heapq.heappop(self._alarms)
            self._now = max(self._now, when)
            if alarm.callback:
                alarm.callback()
        self._now = end

    def advance_to_next(self) -> bool:
        """Go on to the next alarm; False when there is none."""
        while self._alarms and self._alarms[0][2].callback is None:
            heapq.heappop(self._alarms)
        if not self._alarms:
            return False
        self.advance(max(timedelta(0), self._alarms[0][0] - self._now))
        return True


class Functions:
    """The functions of a blueprint, run in this process as the worker runs them."""

    def __init__(self, blueprint: df.Blueprint) -> None:
        self.declared: dict[str, tuple[str, str]] = {}
        self.calls: list[str] = []
        self.traces: dict[str, set[str | None]] = {}
        self._code: dict[str, tuple[str, Callable[..., Any]]] = {}
        for builder in blueprint._function_builders:
            function = builder._function
            name, trigger = function._name or function._func.__name__, function._trigger
            durable_name = getattr(trigger, "orchestration", None) or getattr(trigger, "activity", None)
            durable_name = durable_name or getattr(trigger, "entity_name", None) or name
            self.declared[durable_name] = (_KINDS[trigger.type], name)
            self._code[name] = (trigger.type, keeping(function._func))

    async def invoke(self, name: str, argument: str, trace_parent: str | None) -> Any:
        kind, code = self._code[name]
        self.calls.append(name)
        self.traces.setdefault(name, set()).add(trace_parent)
        if kind == "orchestrationTrigger":
            return code(func.OrchestrationContext(argument))
        if kind == "entityTrigger":
            return code(func.EntityContext(argument))
        value = code(ActivityTriggerConverter.decode(Datum(argument, "json"), trigger_metadata=None))
        return await value if inspect.isawaitable(value) else value


class Hub:
    """An engine over one backend; `restart` drops the engine and makes a new one over the same storage."""

    def __init__(self, functions: Functions, make_backend: Callable[[], Backend], **settings: Any) -> None:
        self.functions, self.clock = functions, VirtualClock()
        self._http = settings.pop("http", send)
        self._make_backend, self._settings = make_backend, settings
        self.engine = self._make_engine()

    def _make_engine(self, backend: Backend | None = None) -> DurableEngine:
        return DurableEngine(
            functions=self.functions.declared,
            invoke=self.functions.invoke,
            settings=self._settings,
            state_dir=Path("unused"),
            base_url="http://127.0.0.1:7071",
            clock=self.clock,
            backend=backend or self._make_backend(),
            http=self._http,
        )

    async def restart(self) -> None:
        await self.engine.drain(5)
        self.engine = self._make_engine()
        await self.engine.start()

    async def start(self, name: str, value: Any = None, instance_id: str | None = None) -> str:
        raw = None if value is None else json.dumps(json.dumps(value))
        return await self.engine.client.start(name, instance_id, raw)

    async def idle(self) -> None:
        """Wait until the engine has nothing to do but wait."""
        while self.engine.waiting().orchestrations or self.engine.waiting().activities:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)

    async def row(self, instance_id: str) -> InstanceRow:
        row = await self.engine.client.get(instance_id)
        assert row is not None
        return row

    async def finish(self, instance_id: str) -> InstanceRow:
        """Run to the end, passing over timers; fails when the orchestration waits for ever."""
        while True:
            await self.idle()
            row = await self.row(instance_id)
            if row.status.is_final:
                return row
            assert self.clock.advance_to_next(), f"{instance_id} waits for ever as {row.status}"

    async def run(self, name: str, value: Any = None) -> InstanceRow:
        return await self.finish(await self.start(name, value))

    async def result(self, name: str, value: Any = None) -> Any:
        """The output of a run that completes."""
        row = await self.run(name, value)
        assert row.status == "Completed", row.output
        return None if row.output is None else json.loads(row.output)


MakeHub = Callable[..., Hub]


@pytest.fixture(params=["memory", "sqlite"])
def make_backend(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Backend]:
    """Makes backends over one and the same storage."""
    if request.param == "sqlite":
        return lambda: SqliteBackend(tmp_path / "hub.db")
    kept = MemoryBackend()
    return lambda: kept


@pytest.fixture(params=["kept", "replayed"])
def keeps_code(request: pytest.FixtureRequest) -> bool:
    """Whether orchestrators' code stays in memory between turns: every test of a hub runs both ways."""
    return bool(request.param == "kept")


@pytest.fixture
async def make_hub(make_backend: Callable[[], Backend], keeps_code: bool) -> Any:
    """Starts an engine over a blueprint's functions."""
    hubs: list[Hub] = []

    async def make(blueprint: df.Blueprint, **settings: Any) -> Hub:
        hub = Hub(Functions(blueprint), make_backend, extendedSessionsEnabled=keeps_code, **settings)
        hubs.append(hub)
        await hub.engine.start()
        return hub

    yield make
    for hub in hubs:
        await hub.engine.drain(5)


@pytest.fixture
async def make_hub_over(keeps_code: bool) -> Any:
    """Starts an engine over a blueprint's functions and a backend of the test's own."""
    hubs: list[Hub] = []

    async def make(blueprint: df.Blueprint, backend: Backend) -> Hub:
        hub = Hub(Functions(blueprint), lambda: backend, extendedSessionsEnabled=keeps_code)
        hubs.append(hub)
        await hub.engine.start()
        return hub

    yield make
    for hub in hubs:
        await hub.engine.drain(5)


@pytest.fixture
def virtual_clock() -> Callable[[], VirtualClock]:
    """Makes clocks that stand still."""
    return VirtualClock
