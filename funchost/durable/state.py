"""The runtime state of one orchestration: a pure fold over its history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from funchost.durable.actions import RetryPolicy
from funchost.durable.events import EventType, HistoryEvent, parse_time


class Status(StrEnum):
    """Runtime status, spelled as the management API spells it."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    COMPLETED = "Completed"
    FAILED = "Failed"
    TERMINATED = "Terminated"

    @property
    def is_final(self) -> bool:
        """Whether the orchestration has ended."""
        return self in _FINAL


_FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.TERMINATED})


@dataclass(frozen=True, slots=True)
class Parent:
    """The orchestration that waits for this one; `task_id` is the number it knows it by."""

    instance_id: str
    execution_id: str
    task_id: int


@dataclass(frozen=True, slots=True)
class OpenTask:
    """An activity or sub-orchestration without a result; `attempt` counts from 1."""

    name: str
    input: str | None
    retry: RetryPolicy | None
    attempt: int
    is_activity: bool
    instance_id: str | None = None
    """The id that the orchestrator gave to a sub-orchestration; None when the engine makes one."""
    version: str | None = None
    """The version that the orchestrator asked for a sub-orchestration; None: the app's default."""

    @property
    def may_retry(self) -> bool:
        """Whether a failure leads to one more attempt."""
        return self.retry is not None and self.attempt < self.retry.max_attempts


@dataclass(frozen=True, slots=True)
class OpenTimer:
    """A timer that has not fired: one of the orchestrator's (`leaf`: its action) or the pause before a retry."""

    fire_at: datetime
    leaf: int | None
    retries: OpenTask | None


@dataclass(slots=True)
class RuntimeState:
    """Where an orchestration stands. Only `apply` changes it."""

    name: str = ""
    version: str | None = None
    input: str | None = None
    execution_id: str = ""
    parent: Parent | None = None
    trace_parent: str | None = None
    status: Status = Status.PENDING
    output: str | None = None
    custom_status: str | None = None
    next_id: int = 0
    tasks: dict[int, OpenTask] = field(default_factory=dict)
    timers: dict[int, OpenTimer] = field(default_factory=dict)
    waits: Counter[str] = field(default_factory=Counter)
    seen: list[str] = field(default_factory=list)
    """Fingerprints of all actions so far: what every replay must repeat."""
    failed: dict[int, OpenTask] = field(default_factory=dict)
    """Failed attempts whose pause has not been scheduled yet."""

    def apply(self, event: HistoryEvent) -> None:
        """Take one more event into account; an event that changes nothing is ignored."""
        handler = _HANDLERS.get(event.type)
        if handler is not None:
            handler(self, event)


def fold(events: Iterable[HistoryEvent]) -> RuntimeState:
    """The state after all of `events`, from nothing."""
    state = RuntimeState()
    for event in events:
        state.apply(event)
    return state


def _started(state: RuntimeState, event: HistoryEvent) -> None:
    state.name, state.version, state.input = event.get("Name"), event.get("Version"), event.get("Input")
    state.execution_id, state.trace_parent = event.get("_execution"), event.get("_trace")
    parent = event.get("_parent")
    state.parent = Parent(*parent) if parent else None
    state.status = Status.RUNNING


def _task_scheduled(state: RuntimeState, event: HistoryEvent) -> None:
    _open(state, event, is_activity=True)


def _sub_orchestration_created(state: RuntimeState, event: HistoryEvent) -> None:
    _open(state, event, is_activity=False)


def _open(state: RuntimeState, event: HistoryEvent, *, is_activity: bool) -> None:
    note = event.get("_retry")
    state.tasks[event.event_id] = OpenTask(
        name=event.get("Name"),
        input=event.get("Input"),
        retry=RetryPolicy.from_note(note) if note else None,
        attempt=event.get("_attempt") or 1,
        is_activity=is_activity,
        instance_id=event.get("_given_id"),
        version=event.get("Version") or None,
    )
    state.next_id = event.event_id + 1


def _task_completed(state: RuntimeState, event: HistoryEvent) -> None:
    state.tasks.pop(event.get("TaskScheduledId"), None)


def _task_failed(state: RuntimeState, event: HistoryEvent) -> None:
    number = event.get("TaskScheduledId")
    task = state.tasks.pop(number, None)
    if task is not None and task.retry is not None:
        state.failed[number] = task


def _timer_created(state: RuntimeState, event: HistoryEvent) -> None:
    failed = event.get("_retries")
    retries = state.failed.pop(failed, None) if failed is not None else None
    state.timers[event.event_id] = OpenTimer(parse_time(event.get("FireAt")), event.get("_leaf"), retries)
    state.next_id = event.event_id + 1


def _timer_fired(state: RuntimeState, event: HistoryEvent) -> None:
    state.timers.pop(event.get("TimerId"), None)


def _event_raised(state: RuntimeState, event: HistoryEvent) -> None:
    name = event.get("Name")
    state.waits[name] -= 1
    if state.waits[name] <= 0:
        del state.waits[name]


def _event_sent(state: RuntimeState, event: HistoryEvent) -> None:
    state.next_id = event.event_id + 1
    if event.get("_answer"):
        state.waits[event.get("_answer")] += 1


def _turn_ended(state: RuntimeState, event: HistoryEvent) -> None:
    state.seen.extend(event.get("_seen") or ())
    for name in event.get("_waits") or ():
        state.waits[name] += 1
    for number in event.get("_cancelled") or ():
        state.timers.pop(number, None)
    if "_custom" in event.fields:
        state.custom_status = event.get("_custom")


def _suspended(state: RuntimeState, _event: HistoryEvent) -> None:
    state.status = Status.SUSPENDED


def _resumed(state: RuntimeState, _event: HistoryEvent) -> None:
    state.status = Status.RUNNING


def _ended(status: Status) -> Callable[[RuntimeState, HistoryEvent], None]:
    def end(state: RuntimeState, event: HistoryEvent) -> None:
        state.status, state.output = status, event.get("Result")

    return end


_HANDLERS: dict[EventType, Callable[[RuntimeState, HistoryEvent], Any]] = {
    EventType.EXECUTION_STARTED: _started,
    EventType.TASK_SCHEDULED: _task_scheduled,
    EventType.SUB_ORCHESTRATION_CREATED: _sub_orchestration_created,
    EventType.TASK_COMPLETED: _task_completed,
    EventType.SUB_ORCHESTRATION_COMPLETED: _task_completed,
    EventType.TASK_FAILED: _task_failed,
    EventType.SUB_ORCHESTRATION_FAILED: _task_failed,
    EventType.TIMER_CREATED: _timer_created,
    EventType.TIMER_FIRED: _timer_fired,
    EventType.EVENT_SENT: _event_sent,
    EventType.EVENT_RAISED: _event_raised,
    EventType.ORCHESTRATOR_COMPLETED: _turn_ended,
    EventType.EXECUTION_SUSPENDED: _suspended,
    EventType.EXECUTION_RESUMED: _resumed,
    EventType.EXECUTION_COMPLETED: _ended(Status.COMPLETED),
    EventType.EXECUTION_FAILED: _ended(Status.FAILED),
    EventType.EXECUTION_TERMINATED: _ended(Status.TERMINATED),
}
