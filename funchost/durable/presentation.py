"""Instances and histories as the management API shows them (StatusResponsePayload of the extension)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from funchost.durable.backend import InstanceRow
from funchost.durable.entities import EntityId
from funchost.durable.events import EventType, HistoryEvent, format_time
from funchost.durable.wire import parse_json

_NAMES = {
    EventType.SUB_ORCHESTRATION_CREATED: "SubOrchestrationInstanceCreated",
    EventType.SUB_ORCHESTRATION_COMPLETED: "SubOrchestrationInstanceCompleted",
    EventType.SUB_ORCHESTRATION_FAILED: "SubOrchestrationInstanceFailed",
}
_TURN_MARKS = frozenset({EventType.ORCHESTRATOR_STARTED, EventType.ORCHESTRATOR_COMPLETED})
_BEGINNINGS = frozenset({EventType.TASK_SCHEDULED, EventType.SUB_ORCHESTRATION_CREATED, EventType.TIMER_CREATED})


def show_status(row: InstanceRow, *, show_input: bool, history: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The body of a status answer; historyEvents is left out unless it was asked for."""
    shown = {
        "name": row.name,
        "instanceId": row.instance_id,
        "runtimeStatus": str(row.status),
        "input": parse_json(row.input) if show_input else None,
        "customStatus": parse_json(row.custom_status),
        "output": parse_json(row.output),
        "createdTime": _seconds(row.created_at),
        "lastUpdatedTime": _seconds(row.updated_at),
    }
    return shown if history is None else {**shown, "historyEvents": history}


def show_entity(row: InstanceRow, *, fetch_state: bool) -> dict[str, Any]:
    """One entry of the list of entities; `state` is left out unless it was asked for."""
    entity = EntityId.parse(row.instance_id)
    shown: dict[str, Any] = {"entityId": {"name": entity.name, "key": entity.key}}
    shown["lastOperationTime"] = format_time(row.updated_at)
    return shown | ({"state": parse_json(row.input)} if fetch_state else {})


def show_history(events: Iterable[HistoryEvent], *, show_output: bool, show_input: bool) -> list[dict[str, Any]]:
    """Events for people: work that has ended is one event with its name and the time it was scheduled."""
    begun: dict[int, HistoryEvent] = {}
    shown: dict[int, dict[str, Any]] = {}
    for position, event in enumerate(events):
        if event.type in _TURN_MARKS:
            continue
        if event.type in _BEGINNINGS:
            begun[event.event_id] = event
            shown[-1 - event.event_id] = _show(event, show_output, show_input)
            continue
        shown[position] = _show(event, show_output, show_input) | _beginning_of(event, begun, show_input)
        shown.pop(-1 - _number(event), None)
    return list(shown.values())


def _number(event: HistoryEvent) -> int:
    number = event.get("TaskScheduledId")
    number = event.get("TimerId") if number is None else number
    return -1 if number is None else int(number)


def _beginning_of(event: HistoryEvent, begun: dict[int, HistoryEvent], show_input: bool) -> dict[str, Any]:
    start = begun.get(_number(event))
    if start is None:
        return {}
    if start.type is EventType.TIMER_CREATED:
        return {"ScheduledTime": start.timestamp}
    extra = {"ScheduledTime": start.timestamp, "FunctionName": start.get("Name")}
    return extra | ({"Input": start.get("Input")} if show_input else {})


def _show(event: HistoryEvent, show_output: bool, show_input: bool) -> dict[str, Any]:
    name = _NAMES.get(event.type, event.type.name.title().replace("_", ""))
    item: dict[str, Any] = {"EventType": name, "Timestamp": event.timestamp}
    hidden = {"TaskScheduledId", "TimerId", "Version", "Result"} | (set() if show_input else {"Input"})
    item |= {key: value for key, value in event.fields.items() if key not in hidden and not key.startswith("_")}
    if event.type is EventType.EXECUTION_STARTED:
        item["FunctionName"] = item.pop("Name")
    if show_output and "Result" in event.fields:
        item["Result"] = parse_json(event.get("Result"))
    return item


def _seconds(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
