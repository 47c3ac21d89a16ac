"""A durable engine in a few lines: it replays the orchestrator from its start at every turn, on a clock of its own."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ruamel.yaml import YAML

from chassis.models import Contract
from chassis.work import WorkContext
from durable.workflow.calls.models import OutgoingCall
from durable.workflow.dsl.accept import accept
from durable.workflow.instances import written_out
from durable.workflow.jq_process import JqEvaluator
from durable.workflow.models import (
    FunctionCall,
    FunctionPoll,
    Going,
    Progress,
    StartChild,
    StartInstance,
    StopChild,
    TakeEvents,
)
from durable.workflow.orchestrator import run_definition

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
Activity = Callable[[dict[str, Any]], Any]
CONTRACTS: dict[str, type[Contract]] = {
    "workflow_record_progress": Progress,
    "workflow_check_going": Going,
    "workflow_call_function": FunctionCall,
    "workflow_poll_function": FunctionPoll,
    "workflow_call_out": OutgoingCall,
    "workflow_take_events": TakeEvents,
    "workflow_start_child": StartChild,
    "workflow_stop_child": StopChild,
}
"""What each activity takes; defaults are not sent."""


class FakeTask:
    def __init__(self, key: tuple[str, Any]) -> None:
        self.key = key
        self.is_completed = False
        self.is_cancelled = False
        self.result: Any = None

    def cancel(self) -> None:
        assert not self.is_completed
        self.is_cancelled = True


class FakeContext:
    """One replay: every task is known by the order in which it was asked for."""

    def __init__(self, given: Any) -> None:
        self.given = given
        self.current_utc_datetime = EPOCH
        self.asked: list[tuple[str, Any]] = []
        self.tasks: dict[tuple[str, Any], list[FakeTask]] = {}
        self.early: dict[tuple[str, Any], list[Any]] = {}
        self.next_input: Any = None

    def continue_as_new(self, input_: Any) -> None:
        self.next_input = json.loads(json.dumps(input_))

    def get_input(self) -> Any:
        return self.given

    def call_activity(self, name: str, input_: Any = None) -> FakeTask:
        taken = CONTRACTS[name].model_validate(json.loads(json.dumps(input_)))
        self.asked.append(("activity", (name, taken.model_dump(mode="json"))))
        return self._task(("activity", len(self.asked)))

    def create_timer(self, fire_at: datetime) -> FakeTask:
        self.asked.append(("timer", fire_at))
        return self._task(("timer", len(self.asked)))

    def wait_for_external_event(self, name: str) -> FakeTask:
        task = self._task(("event", name))
        if self.early.get(task.key):
            self._complete(task, self.early[task.key].pop(0))
        return task

    def task_any(self, tasks: list[FakeTask]) -> list[FakeTask]:
        assert tasks, "a wait for nothing would never end"
        return tasks

    def happen(self, key: tuple[str, Any], result: Any, at: datetime) -> None:
        self.current_utc_datetime = max(self.current_utc_datetime, at)
        open_tasks = [task for task in self.tasks.get(key, []) if not task.is_completed]
        if open_tasks:
            self._complete(open_tasks[0], result)
        else:
            self.early.setdefault(key, []).append(result)

    def _task(self, key: tuple[str, Any]) -> FakeTask:
        task = FakeTask(key)
        self.tasks.setdefault(key, []).append(task)
        return task

    def _complete(self, task: FakeTask, result: Any) -> None:
        task.is_completed, task.result = True, result


class Engine:
    """Runs one instance. `activities` answer calls; `events` are raised when the clock reaches their time."""

    def __init__(self, evaluator: JqEvaluator, definition: str, given: Any, **activities: Activity) -> None:
        accepted = accept(definition.encode(), evaluator)
        work = WorkContext(tenant="t", subject="u")
        start = StartInstance(instance_id="i1", definition=accepted.frozen, input=given, created_at="x", work=work)
        self.start = start.model_dump(mode="json")
        self.evaluator = evaluator
        self.activities: dict[str, Activity] = {
            "workflow_record_progress": lambda _: True,
            "workflow_check_going": lambda _: True,
            **activities,
        }
        self.executions = 1
        self.longest_history = 0
        self.events: list[tuple[float, str]] = []
        self.payloads: dict[str, Any] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.history: list[tuple[tuple[str, Any], Any, datetime]] = []
        self.asked: list[tuple[str, Any]] = []
        self.now = self.began = EPOCH
        self.turns = 0

    def run(self, most_turns: int = 2000) -> dict[str, Any]:
        """The orchestration's output. Asserts that every replay asks for what the ones before it asked for."""
        done: set[int] = set()
        while self.turns < most_turns:
            self.turns += 1
            output, context = self._replay()
            assert context.asked[: len(self.asked)] == self.asked, "a replay diverged"
            self.asked = context.asked
            self.longest_history = max(self.longest_history, len(self.history))
            if output is not None and context.next_input is not None:
                self._start_over(context)
                done = set()
                continue
            if output is not None:
                self.open_timers = [
                    t for tasks in context.tasks.values() for t in tasks
                    if t.key[0] == "timer" and not t.is_completed and not t.is_cancelled
                ]  # fmt: skip
                return output
            self._next(context, done)
        raise AssertionError("it does not end")

    @property
    def progress(self) -> list[dict[str, Any]]:
        """Everything that was written to the read model, in order."""
        return [
            part
            for name, given in self.calls
            for part in ([given] if name == "workflow_record_progress" else [given.get("progress")])
            if part
        ]

    @property
    def final(self) -> dict[str, Any]:
        return self.progress[-1]

    @property
    def event_types(self) -> list[str]:
        return [event["type"] for event in self.told]

    @property
    def told(self) -> list[dict[str, Any]]:
        """The lifecycle events, written out as the read model does."""
        parts = [Progress.model_validate(part) for part in self.progress]
        return [event.model_dump(mode="json") for part in parts for event in written_out(part, "test", "case")]

    def called(self, name: str) -> list[dict[str, Any]]:
        return [given for called, given in self.calls if called == name]

    def _replay(self) -> tuple[dict[str, Any] | None, FakeContext]:
        context = FakeContext(self.start)
        context.current_utc_datetime = self.began
        steps = run_definition(context, self.evaluator)
        happened = iter(self.history)
        try:
            waited = next(steps)
            while True:
                while not any(task.is_completed for task in waited):
                    event = next(happened, None)
                    if event is None:
                        return None, context
                    context.happen(*event)
                waited = next(steps)
        except StopIteration as end:
            return end.value, context

    def _start_over(self, context: FakeContext) -> None:
        """The next execution: a new input, an empty history; events that nobody took stay for it."""
        open_timers = [t for tasks in context.tasks.values() for t in tasks if t.key[0] == "timer"]
        assert all(timer.is_completed or timer.is_cancelled for timer in open_timers)
        self.start, self.history, self.asked = context.next_input, [], []
        for key, results in context.early.items():
            self.history += [(key, result, self.now) for result in results]
        self.began = self.now
        self.executions += 1

    def _next(self, context: FakeContext, done: set[int]) -> None:
        """Let the next thing happen: an activity's answer, else the earliest event or timer."""
        for number, (kind, what) in enumerate(context.asked, start=1):
            if kind == "activity" and number not in done:
                done.add(number)
                self.history.append((("activity", number), self._answer(*what), self.now))
                return
        timers = [
            (what, number)
            for number, (kind, what) in enumerate(context.asked, start=1)
            if kind == "timer" and number not in done and not context.tasks[("timer", number)][0].is_cancelled
        ]
        raised = [(EPOCH + timedelta(seconds=at), name) for at, name in self.events]
        assert timers or raised, "it waits for nothing that will ever happen"
        if raised and (not timers or min(raised)[0] <= min(timers)[0]):
            at, name = min(raised)
            self.events.remove(((at - EPOCH).total_seconds(), name))
            self.now = max(self.now, at)
            self.history.append((("event", name), self.payloads.get(name, {}), self.now))
        else:
            at, number = min(timers)
            done.add(number)
            self.now = max(self.now, at)
            self.history.append((("timer", number), None, self.now))

    def _answer(self, name: str, given: dict[str, Any]) -> Any:
        self.calls.append((name, given))
        try:
            return self.activities[name](given)
        except Exception as error:  # noqa: BLE001 - the engine hands any failure to the orchestrator
            return error


@pytest.fixture(scope="session")
def evaluator() -> Iterator[JqEvaluator]:
    evaluator = JqEvaluator()
    yield evaluator
    evaluator.close()


@pytest.fixture
def engine(evaluator: JqEvaluator) -> Callable[..., Engine]:
    """Makes an engine for a definition given as the YAML below its document block."""

    def make(body: str, given: Any = None, **activities: Activity) -> Engine:
        document = {
            "document": {"dsl": "1.0.3", "namespace": "test", "name": "case", "version": "1.0.0"},
            **YAML(typ="safe", pure=True).load(body),
        }
        return Engine(evaluator, json.dumps(document), given, **activities)

    return make
