"""The specification's lifecycle events: their types, and exactly the members that their data has.

Source: Open Workflow Specification 1.0.3, dsl.md "Lifecycle Events" and dsl-reference.md "Lifecycle Events". The
optional `status-changed` events, which repeat what the others say, are not sent.
"""

from typing import Any, Literal

from durable.workflow.faults import SpecError
from durable.workflow.sizes import json_bytes

PREFIX = "io.serverlessworkflow."
LONGEST_BYTES = 8_000
"""Larger outputs are left out of events (they are optional there); the instance has them."""

WorkflowChange = Literal[
    "started",
    "suspended",
    "resumed",
    "correlation-started",
    "correlation-completed",
    "cancelled",
    "faulted",
    "completed",
]
TaskChange = Literal["created", "started", "suspended", "resumed", "retried", "cancelled", "faulted", "completed"]
_TIMES = {"correlation-started": "startedAt", "correlation-completed": "completedAt"}


def workflow_type(change: WorkflowChange) -> str:
    """The event's type."""
    return f"{PREFIX}workflow.{change}.v1"


def task_type(change: TaskChange) -> str:
    """The event's type."""
    return f"{PREFIX}task.{change}.v1"


def qualified_name(namespace: str, name: str, instance_id: str) -> str:
    """An instance's name, as the specification's examples make it."""
    return f"{name}-{instance_id}.{namespace}"


def workflow_data(change: WorkflowChange, name: str, at: str, **members: Any) -> dict[str, Any]:
    """The data of a workflow's event; members that are None are left out."""
    return {"name": name, _time_of(change): at, **_given(members)}


def task_data(change: TaskChange, name: str, reference: str, at: str, **members: Any) -> dict[str, Any]:
    """The data of a task's event; `reference` is a JSON Pointer into the definition."""
    return {"workflow": name, "task": reference, _time_of(change): at, **_given(members)}


def shown_output(output: Any) -> Any:
    """The output, None when an event has no room for it."""
    return output if json_bytes(output) <= LONGEST_BYTES else None


def shown_error(error: SpecError | None) -> dict[str, Any] | None:
    """The error; without what another service reported beside it when that is long."""
    if error is None:
        return None
    shown = error.as_json()
    if json_bytes(shown) > LONGEST_BYTES:
        shown = error.model_copy(update={"problem": None, "detail": (error.detail or "")[:2000]}).as_json()
    return shown


def _time_of(change: str) -> str:
    return _TIMES.get(change, f"{change}At")


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
