"""Runs a scenario on the durable engine, and keeps what the orchestrator was last given and what it answered."""

import asyncio
import heapq
import inspect
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func

from chassis.work import WorkContext
from durable.workflow import blueprint
from durable.workflow.dsl.accept import accept
from durable.workflow.jq_process import process_evaluator
from durable.workflow.models import ORCHESTRATOR, StartInstance
from funchost.durable import DurableEngine
from funchost.durable.clock import Alarm, Clock
from funchost.durable.memory import MemoryBackend
from tests.replay.scenarios import Scenario

KINDS = {"orchestrationTrigger": "orchestrator", "activityTrigger": "activity"}
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
INSTANCE = "0" * 32


class JumpingClock(Clock):
    """Stands still until it is moved to its next alarm."""

    def __init__(self) -> None:
        self.time = EPOCH
        self.alarms: list[tuple[datetime, int, list[Callable[[], None]]]] = []
        self.order = count()

    def now(self) -> datetime:
        return self.time

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Alarm:
        ring = [callback]
        heapq.heappush(self.alarms, (when, next(self.order), ring))
        return SimpleNamespace(cancel=ring.clear)  # type: ignore[return-value]

    def jump(self) -> None:
        while self.alarms:
            when, _, ring = heapq.heappop(self.alarms)
            if ring:
                self.time = max(self.time, when + timedelta(milliseconds=1))
                return ring[0]()
        raise AssertionError("it waits for nothing that will ever happen")


class Recorder:
    """One scenario's run; `executions` are its turns that ended an execution, as (argument, answer)."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.clock = JumpingClock()
        self.functions = {
            item._function._func.__name__: item._function for item in blueprint.blueprint._function_builders
        }
        self.outcomes = {"workflow_call_function": list(scenario.calls), "workflow_poll_function": list(scenario.polls)}
        self.executions: dict[str, dict[str, str]] = {}

    async def record(self) -> list[dict[str, str]]:
        """Run to the end; the last turn of each execution."""
        with tempfile.TemporaryDirectory() as state:
            engine = self._engine(Path(state))
            await engine.start()
            await engine.client.start(ORCHESTRATOR, INSTANCE, json.dumps(json.dumps(self._start())))
            await self._idle(engine)
            for name in self.scenario.events:
                await engine.client.raise_event(INSTANCE, name, "{}")
                await self._idle(engine)
            while str((await engine.client.get(INSTANCE)).status) not in ("Completed", "Failed"):
                self.clock.jump()
                await self._idle(engine)
            await engine.drain(5)
        return list(self.executions.values())

    def _engine(self, state_dir: Path) -> DurableEngine:
        return DurableEngine(
            functions={name: (KINDS[item._trigger.type], name) for name, item in self.functions.items()},
            invoke=self._invoke,
            settings={"extendedSessionsEnabled": False},
            state_dir=state_dir,
            base_url="http://127.0.0.1:1",
            clock=self.clock,
            backend=MemoryBackend(),
        )

    def _start(self) -> dict[str, Any]:
        start = StartInstance(
            instance_id=INSTANCE,
            definition=accept(self.scenario.text.encode(), process_evaluator()).frozen,
            input=self.scenario.given,
            created_at="2026-01-01T00:00:00.000Z",
            work=WorkContext(tenant="replay", subject="replay"),
        )
        return start.model_dump(mode="json")

    async def _invoke(self, name: str, argument: str, trace_parent: str | None) -> Any:
        if name == ORCHESTRATOR:
            answer = replay(argument)
            self.executions[_began(argument)] = {"given": argument, "answered": answer}
            return answer
        outcomes = self.outcomes.get(name, [True])
        return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]

    @staticmethod
    async def _idle(engine: DurableEngine) -> None:
        while engine.waiting().orchestrations or engine.waiting().activities:  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def replay(argument: str) -> str:
    """What the orchestrator answers to a history."""
    [code] = [
        item._function._func
        for item in blueprint.blueprint._function_builders
        if item._function._func.__name__ == ORCHESTRATOR
    ]
    answer = code(func.OrchestrationContext(argument))
    assert not inspect.isawaitable(answer)
    return str(answer)


def _began(argument: str) -> str:
    """What tells one execution from another: the input it began with."""
    history = json.loads(argument)["history"]
    return next(str(event["Input"]) for event in history if event.get("Name") == ORCHESTRATOR)


def outline(answer: str) -> dict[str, Any]:
    """What must not change: the order and kind of everything that was asked for, and how it ended.

    What an activity is given may grow; when a timer fires may not change, nor may a name.
    """
    found = json.loads(answer)
    asked = [
        [action.get("actionType"), *(action.get(key) for key in ("functionName", "fireAt", "externalEventName"))]
        for actions in found["actions"]
        for action in _flat(actions)
    ]
    output = found.get("output")
    status = output.get("status") if isinstance(output, dict) else None
    return {"asked": asked, "done": found.get("isDone"), "status": status, "error": found.get("error")}


def _flat(actions: Any) -> list[dict[str, Any]]:
    if isinstance(actions, list):
        return [action for item in actions for action in _flat(item)]
    inner = actions.get("compoundActions")
    return [{"actionType": actions.get("actionType")}, *_flat(inner)] if inner else [actions]
