"""What an orchestrator asks for: the actions of its state, flattened to leaves in the order of their numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from funchost.durable.errors import MalformedDecision, UnsupportedAction
from funchost.durable.events import parse_time
from funchost.durable.http_calls import HTTP_ACTIVITY


class ActionType(IntEnum):
    """The kinds of action, numbered as azure-functions-durable numbers them."""

    CALL_ACTIVITY = 0
    CALL_ACTIVITY_WITH_RETRY = 1
    CALL_SUB_ORCHESTRATOR = 2
    CALL_SUB_ORCHESTRATOR_WITH_RETRY = 3
    CONTINUE_AS_NEW = 4
    CREATE_TIMER = 5
    WAIT_FOR_EXTERNAL_EVENT = 6
    CALL_ENTITY = 7
    CALL_HTTP = 8
    SIGNAL_ENTITY = 9
    SCHEDULED_SIGNAL_ENTITY = 10
    WHEN_ANY = 11
    WHEN_ALL = 12


ACTIVITIES = frozenset({ActionType.CALL_ACTIVITY, ActionType.CALL_ACTIVITY_WITH_RETRY, ActionType.CALL_HTTP})
SUB_ORCHESTRATIONS = frozenset({ActionType.CALL_SUB_ORCHESTRATOR, ActionType.CALL_SUB_ORCHESTRATOR_WITH_RETRY})
ENTITY_OPERATIONS = frozenset({ActionType.CALL_ENTITY, ActionType.SIGNAL_ENTITY, ActionType.SCHEDULED_SIGNAL_ENTITY})
_COMPOUND = frozenset({ActionType.WHEN_ANY, ActionType.WHEN_ALL})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how fast failed work is tried again."""

    first_interval_ms: int
    max_attempts: int
    backoff_coefficient: float = 1.0
    max_interval_ms: int | None = None

    @classmethod
    def from_wire(cls, options: dict[str, Any]) -> RetryPolicy:
        """Read the SDK's `retryOptions`."""
        return cls(
            int(options["firstRetryIntervalInMilliseconds"]),
            int(options["maxNumberOfAttempts"]),
            float(options.get("backoffCoefficient") or 1.0),
            options.get("maxRetryIntervalInMilliseconds"),
        )

    def delay_after(self, attempt: int) -> timedelta:
        """The pause after failed attempt number `attempt` (from 1)."""
        interval = self.first_interval_ms * self.backoff_coefficient ** (attempt - 1)
        if self.max_interval_ms is not None:
            interval = min(interval, self.max_interval_ms)
        return timedelta(milliseconds=interval)

    def to_note(self) -> list[Any]:
        """The stored form."""
        return [self.first_interval_ms, self.max_attempts, self.backoff_coefficient, self.max_interval_ms]

    @classmethod
    def from_note(cls, note: list[Any]) -> RetryPolicy:
        """The inverse of to_note."""
        return cls(*note)


@dataclass(frozen=True, slots=True)
class Action:
    """One leaf: a single piece of work, wait or timer."""

    type: ActionType
    name: str = ""
    input: Any = None
    retry: RetryPolicy | None = None
    instance_id: str | None = None
    version: str | None = None
    fire_at: datetime | None = None
    cancelled: bool = False

    @property
    def fingerprint(self) -> str:
        """What must be the same in every replay: kind and name."""
        return f"{int(self.type)}:{self.name}"


def flatten(actions: list[dict[str, Any]]) -> list[Action]:
    """Leaves in scheduling order, compound actions opened.

    Raises UnsupportedAction for an action that this engine does not do, MalformedDecision for nonsense.
    """
    try:
        return list(_leaves(actions))
    except (KeyError, ValueError, TypeError) as problem:
        raise MalformedDecision(f"An action of the orchestrator can't be read: {problem!r}") from problem


def _leaves(actions: list[dict[str, Any]]) -> Iterator[Action]:
    for action in actions:
        kind = _kind(action)
        if kind in _COMPOUND:
            yield from _leaves(action["compoundActions"])
        elif kind is ActionType.CALL_HTTP:
            yield Action(kind, HTTP_ACTIVITY, json.dumps(action["httpRequest"]))
        else:
            yield _leaf(kind, action)


def _kind(action: dict[str, Any]) -> ActionType:
    try:
        return ActionType(action["actionType"])
    except ValueError:
        raise UnsupportedAction(f"Action type {action['actionType']!r} is unknown to this host.") from None


def _leaf(kind: ActionType, action: dict[str, Any]) -> Action:
    retry, fire_at = action.get("retryOptions"), action.get("fireAt")
    return Action(
        type=kind,
        name=action.get("functionName") or action.get("externalEventName") or action.get("operation") or "",
        input=action.get("input"),
        retry=RetryPolicy.from_wire(retry) if retry else None,
        instance_id=action.get("instanceId") or None,
        version=action.get("version"),
        fire_at=parse_time(fire_at) if fire_at else None,
        cancelled=bool(action.get("isCanceled", False)),
    )
