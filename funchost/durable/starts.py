"""How an orchestration begins and what it tells its parent when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

from funchost.durable.backend import InstanceRow, Message, NewInstance
from funchost.durable.events import EventType, HistoryEvent, format_time, parse_time
from funchost.durable.state import Parent, Status
from funchost.durable.wire import parse_json


def new_instance(
    instance_id: str,
    name: str,
    raw_input: str | None,
    now: datetime,
    *,
    version: str | None = None,
    parent: Parent | None = None,
    trace_parent: str | None = None,
    execution_id: str | None = None,
    start_at: datetime | None = None,
) -> NewInstance:
    """An instance of orchestrator `name`; `raw_input` is JSON text or None. `start_at`: not before; None means now."""
    execution = execution_id or uuid4().hex
    start = HistoryEvent(
        EventType.EXECUTION_STARTED,
        format_time(now),
        fields={
            "Name": name,
            "Version": version,
            "Input": raw_input,
            "_execution": execution,
            "_parent": [parent.instance_id, parent.execution_id, parent.task_id] if parent else None,
            "_trace": trace_parent,
            **({"ScheduledStartTime": format_time(start_at)} if start_at else {}),
        },
    )
    row = InstanceRow(instance_id, execution, name, Status.PENDING, now, now, input=raw_input)
    return NewInstance(row, Message(instance_id, start, execution))


def delayed_until(waiting: Iterable[Message], now: datetime) -> datetime | None:
    """When the start among the `waiting` messages is due; None when it is, or there is none."""
    for message in waiting:
        if message.event.type is EventType.EXECUTION_STARTED:
            text = message.event.get("ScheduledStartTime")
            start_at = parse_time(text) if text else now
            return start_at if start_at > now else None
    return None


def parent_message(parent: Parent, status: Status, output: str | None, now: datetime) -> Message:
    """The news of a sub-orchestration's end, for the orchestration that called it."""
    if status is Status.COMPLETED:
        kind, outcome = EventType.SUB_ORCHESTRATION_COMPLETED, {"Result": output}
    else:
        reason = parse_json(output) or f"The sub-orchestration ended as {status}."
        kind, outcome = EventType.SUB_ORCHESTRATION_FAILED, {"Reason": str(reason), "Details": ""}
    event = HistoryEvent(kind, format_time(now), fields={"TaskScheduledId": parent.task_id, **outcome})
    return Message(parent.instance_id, event, parent.execution_id)


def child_refusal(parent: Parent, child_id: str, now: datetime) -> Message:
    """What the parent hears when the id of its sub-orchestration belongs to an instance that still runs."""
    reason = f"An Orchestration instance with the ID '{child_id}' already exists and has not ended."
    event = HistoryEvent(
        EventType.SUB_ORCHESTRATION_FAILED,
        format_time(now),
        fields={"TaskScheduledId": parent.task_id, "Reason": reason, "Details": ""},
    )
    return Message(parent.instance_id, event, parent.execution_id)
