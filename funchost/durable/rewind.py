"""What a failed orchestration goes on from: its history up to the failure, and what came after it, told again. Pure.

The extension takes failures out of the middle of a history, which replays only when the code did nothing after them.
Here the history ends before the turn that took the last final failure (or the last turn, when the code itself failed).
Failed work is done again under its old number; results and events of the turns that were cut off are redelivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from funchost.durable.backend import ActivityKey, ActivityTask, InstanceRow, Message, TimerRow
from funchost.durable.events import EventType, HistoryEvent, format_time
from funchost.durable.rewinding import Rewound
from funchost.durable.state import RuntimeState, Status, fold

_FAILURES = frozenset({EventType.TASK_FAILED, EventType.SUB_ORCHESTRATION_FAILED})
_SUCCESSES = frozenset({EventType.TASK_COMPLETED, EventType.SUB_ORCHESTRATION_COMPLETED})


@dataclass(frozen=True, slots=True)
class RewindPlan:
    """What to store, and the sub-orchestrations that are waited for again: id by task number."""

    rewound: Rewound
    children: dict[int, str]


def plan_rewind(
    row: InstanceRow, turns: Sequence[Sequence[HistoryEvent]], reason: str | None, now: datetime
) -> RewindPlan:
    """Plan how a failed instance goes on; `turns` are its history, oldest first."""
    kept = _turns_before_failure(turns)
    events = [event for turn in turns[:kept] for event in turn]
    state = fold(events)
    messages = [
        Message(row.instance_id, event, row.execution_id)
        for turn in turns[kept:]
        for event in turn
        if _is_told_again(event, state)
    ]
    answered = {message.event.get("TaskScheduledId") for message in messages}
    fired = {message.event.get("TimerId") for message in messages}
    created = {event.event_id: event.get("InstanceId") for event in events}
    key = ActivityKey(row.instance_id, row.execution_id, 0)
    open_tasks = {number: task for number, task in state.tasks.items() if number not in answered}
    note = HistoryEvent(EventType.GENERIC_EVENT, format_time(now), fields={"Data": f"Rewound: {reason or ''}"})
    rewound = Rewound(
        row=replace(row, status=_status(kept, state), output=None, custom_status=state.custom_status, updated_at=now),
        kept_turns=kept,
        note=note,
        messages=messages,
        activities=[
            ActivityTask(replace(key, task_id=number), task.name, task.input, state.trace_parent)
            for number, task in open_tasks.items()
            if task.is_activity
        ],
        timers=[
            TimerRow(row.instance_id, row.execution_id, number, timer.fire_at)
            for number, timer in state.timers.items()
            if number not in fired
        ],
    )
    return RewindPlan(rewound, {n: created[n] for n, task in open_tasks.items() if not task.is_activity})


def _turns_before_failure(turns: Sequence[Sequence[HistoryEvent]]) -> int:
    """How many turns come before the one that took the last final failure; else all but the last."""
    state, kept = RuntimeState(), len(turns) - 1
    for position, turn in enumerate(turns):
        for event in turn:
            task = state.tasks.get(event.get("TaskScheduledId")) if event.type in _FAILURES else None
            if task is not None and not task.may_retry:
                kept = position
            state.apply(event)
    return kept


def _is_told_again(event: HistoryEvent, state: RuntimeState) -> bool:
    if event.type in _SUCCESSES:
        return event.get("TaskScheduledId") in state.tasks
    if event.type is EventType.TIMER_FIRED:
        return event.get("TimerId") in state.timers
    if event.type is EventType.EXECUTION_STARTED:
        return state.status is Status.PENDING
    return event.type is EventType.EVENT_RAISED


def _status(kept: int, state: RuntimeState) -> Status:
    return state.status if kept else Status.PENDING
