"""One turn of an orchestration: from messages and the SDK's decision to history and outgoing work. Pure.

The numbers that it gives to scheduled work must be those that the SDK gives in replay
(DurableOrchestrationContext._add_to_open_tasks): one per activity, sub-orchestration and timer, in order; none for
a wait; a failed attempt with retry options takes one for the pause, and one more for the next attempt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from funchost.durable.actions import ACTIVITIES, ENTITY_OPERATIONS, Action, ActionType
from funchost.durable.backend import (
    ActivityKey,
    ActivityTask,
    InstanceRow,
    Message,
    NewInstance,
    TimerRow,
    TurnCommit,
)
from funchost.durable.determinism import check_replay
from funchost.durable.entities import operation
from funchost.durable.errors import NonDeterministic
from funchost.durable.events import EventType, HistoryEvent, format_time
from funchost.durable.registry import KnownFunctions
from funchost.durable.starts import child_refusal, new_instance, parent_message
from funchost.durable.state import OpenTask, Parent, RuntimeState, Status
from funchost.durable.wire import Decision, orchestrator_argument


@dataclass(slots=True)
class Turn:
    """Collects what a turn does; `state` advances with every event added."""

    row: InstanceRow
    state: RuntimeState
    now: datetime
    known: KnownFunctions
    events: list[HistoryEvent] = field(default_factory=list)
    activities: list[ActivityTask] = field(default_factory=list)
    timers: list[TimerRow] = field(default_factory=list)
    ended_timers: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    children: list[NewInstance] = field(default_factory=list)
    next_execution: Message | None = None
    seen: int = 0
    """How many of the events the orchestrator's code was given."""

    def receive(self, messages: list[Message]) -> None:
        """Open the turn with the messages that it was given; plans retries of what failed."""
        self._add(EventType.ORCHESTRATOR_STARTED)
        for message in messages:
            self._receive(message.event)

    def conclude(self, decision: Decision) -> None:
        """Close the turn with what the orchestrator decided.

        Raises NonDeterministic, UnknownFunction; the turn is then to be closed with `fail`.
        """
        check_replay(self.state.seen, decision.actions)
        self.known.check(decision.actions[len(self.state.seen) :])
        self._schedule_and_close(decision)
        if decision.error is not None:
            self.fail(decision.error)
        elif decision.continues_as_new is not None:
            self._restart(decision.continues_as_new)
        elif decision.is_done:
            self._end(EventType.EXECUTION_COMPLETED, Status.COMPLETED, decision.output)

    def fail(self, reason: str) -> None:
        """End the orchestration as failed; `reason` is for people."""
        text = f"Orchestrator function '{self.state.name}' failed: {reason}"
        self._end(EventType.EXECUTION_FAILED, Status.FAILED, json.dumps(text), Reason=text, Details=reason)

    def stop(self) -> None:
        """Tell the parent of an orchestration that was terminated."""
        self._answer_parent(Status.TERMINATED, self.state.output)

    def commit(self, consumed: list[int]) -> TurnCommit:
        """The turn as the backend stores it."""
        return TurnCommit(
            row=self._next_row(),
            execution_id=self.row.execution_id,
            events=[] if self.next_execution else self.events,
            consumed=consumed,
            activities=self.activities,
            timers=[] if self.next_execution else self.timers,
            ended_timers=self.ended_timers,
            messages=self.messages + ([self.next_execution] if self.next_execution else []),
            children=self.children,
            restarts=self.next_execution is not None,
        )

    def _next_row(self) -> InstanceRow:
        state = self.state
        row = replace(
            self.row, status=state.status, updated_at=self.now, output=state.output, custom_status=state.custom_status
        )
        if self.next_execution is None:
            return row
        start = self.next_execution.event
        return replace(row, execution_id=start.get("_execution"), input=start.get("Input"))

    def _add(self, kind: EventType, event_id: int = -1, **fields: Any) -> None:
        event = HistoryEvent(kind, format_time(self.now), event_id, fields)
        self.events.append(event)
        self.state.apply(event)

    def _receive(self, event: HistoryEvent) -> None:
        timer = None
        if event.type is EventType.TIMER_FIRED:
            timer = self.state.timers.get(event.get("TimerId"))
            self.ended_timers.append(event.get("TimerId"))
        self.events.append(event)
        self.state.apply(event)
        if timer is not None and timer.retries is not None and timer.retries.may_retry:
            self._schedule(replace(timer.retries, attempt=timer.retries.attempt + 1))
        for number, failed in list(self.state.failed.items()):
            self._pause_before_retry(number, failed)

    def _pause_before_retry(self, number: int, failed: OpenTask) -> None:
        # The SDK waits for a pause even after the last attempt; nobody gains from that one, so it is over at once.
        delay = failed.retry.delay_after(failed.attempt) if failed.retry and failed.may_retry else None
        self._create_timer(self.now + delay if delay else self.now, _retries=number)

    def _create_timer(self, fire_at: datetime, **notes: Any) -> None:
        number = self.state.next_id
        self._add(EventType.TIMER_CREATED, number, FireAt=format_time(fire_at), **notes)
        self.timers.append(TimerRow(self.row.instance_id, self.row.execution_id, number, fire_at))

    def _schedule_and_close(self, decision: Decision) -> None:
        new = decision.actions[len(self.state.seen) :]
        notes: dict[str, Any] = {
            "_waits": self._schedule_all(decision.actions),
            "_seen": [action.fingerprint for action in new],
            "_cancelled": self._cancelled_timers(decision.actions),
        }
        if decision.custom_status is not None and decision.custom_status != self.state.custom_status:
            notes["_custom"] = decision.custom_status
        self._add(EventType.ORCHESTRATOR_COMPLETED, **{key: value for key, value in notes.items() if value})

    def _schedule_all(self, actions: list[Action]) -> list[str]:
        """Schedule the new actions; returns the names of the events that they wait for."""
        waits: list[str] = []
        for position in range(len(self.state.seen), len(actions)):
            action = actions[position]
            if action.type is ActionType.WAIT_FOR_EXTERNAL_EVENT:
                waits.append(action.name)
            elif action.type is ActionType.CREATE_TIMER:
                self._create_orchestrator_timer(position, action)
            elif action.type in ENTITY_OPERATIONS:
                self._send_operation(action)
            elif action.type is not ActionType.CONTINUE_AS_NEW:
                self._schedule(_open_task(action))
        return waits

    def _send_operation(self, action: Action) -> None:
        number, entity_id = self.state.next_id, str(action.instance_id)
        calls = action.type is ActionType.CALL_ENTITY
        request_id = str(uuid5(UUID(self.row.execution_id), str(number)))
        due = action.fire_at if action.type is ActionType.SCHEDULED_SIGNAL_ENTITY else None
        sent = {"id": request_id, "op": action.name, "signal": not calls}
        if due is not None:
            sent["due"] = format_time(due)
        notes = {"_answer": request_id} if calls else {}
        self._add(EventType.EVENT_SENT, number, InstanceId=entity_id, Name="op", Input=json.dumps(sent), **notes)
        caller = (self.row.instance_id, self.row.execution_id) if calls else None
        raw_input = json.dumps(action.input)
        self.children.append(
            operation(entity_id, action.name, raw_input, self.now, request_id=request_id, caller=caller, due=due)
        )

    def _create_orchestrator_timer(self, position: int, action: Action) -> None:
        if action.fire_at is None:
            raise NonDeterministic("A timer without a time.")
        self._create_timer(action.fire_at, _leaf=position)

    def _cancelled_timers(self, actions: list[Action]) -> list[int]:
        cancelled = [
            number
            for number, timer in self.state.timers.items()
            if timer.leaf is not None and actions[timer.leaf].cancelled
        ]
        self.ended_timers.extend(cancelled)
        return cancelled

    def _schedule(self, task: OpenTask) -> None:
        number = self.state.next_id
        notes: dict[str, Any] = {"_attempt": task.attempt}
        if task.retry:
            notes["_retry"] = task.retry.to_note()
        if task.is_activity:
            self._add(EventType.TASK_SCHEDULED, number, Name=task.name, Input=task.input, Version="", **notes)
            key = ActivityKey(self.row.instance_id, self.row.execution_id, number)
            self.activities.append(ActivityTask(key, task.name, task.input, self.state.trace_parent))
        else:
            self._start_child(number, task, notes)

    def _start_child(self, number: int, task: OpenTask, notes: dict[str, Any]) -> None:
        child_id = task.instance_id or uuid5(UUID(self.row.execution_id), str(number)).hex
        if task.instance_id:
            notes["_given_id"] = task.instance_id
        self._add(
            EventType.SUB_ORCHESTRATION_CREATED,
            number,
            Name=task.name,
            InstanceId=child_id,
            Input=task.input,
            Version=task.version or "",
            **notes,
        )
        parent = Parent(self.row.instance_id, self.row.execution_id, number)
        child = new_instance(
            child_id,
            task.name,
            task.input,
            self.now,
            version=task.version or self.known.default_version,
            parent=parent,
            trace_parent=self.state.trace_parent,
        )
        self.children.append(replace(child, refusal=child_refusal(parent, child_id, self.now)))

    def _restart(self, action: Action) -> None:
        state = self.state
        start = new_instance(
            self.row.instance_id,
            state.name,
            json.dumps(action.input) if action.input is not None else None,
            self.now,
            version=state.version,
            parent=state.parent,
            trace_parent=state.trace_parent,
            execution_id=uuid4().hex,
        )
        self.next_execution = start.start

    def _end(self, kind: EventType, status: Status, output: str | None, **fields: Any) -> None:
        self._add(kind, self.state.next_id, OrchestrationStatus=str(status), Result=output, **fields)
        self._answer_parent(status, output)

    def _answer_parent(self, status: Status, output: str | None) -> None:
        if self.state.parent is not None:
            self.messages.append(parent_message(self.state.parent, status, output, self.now))


def replay_argument(turn: Turn, played: Iterable[bytes]) -> str:
    """The orchestrator's argument for a replay up to this turn; `played` are the events of finished turns."""
    state = turn.state
    parent_id = state.parent.instance_id if state.parent else None
    return orchestrator_argument(turn.row.instance_id, parent_id, state.input, played, turn.events)


def _open_task(action: Action) -> OpenTask:
    # An activity's trigger gets the SDK's JSON as it is; an orchestrator's input is JSON around that text, because
    # the SDK decodes what it finds in the (already decoded) `input` of the trigger.
    is_activity = action.type in ACTIVITIES
    value = action.input if is_activity or action.input is None else json.dumps(action.input)
    return OpenTask(action.name, value, action.retry, 1, is_activity, action.instance_id, action.version)
