"""The replay protocol between host and SDK: the orchestrator's argument and the state that it returns.

Shape of both: azure-functions-durable 1.7 (DurableOrchestrationContext.from_json, OrchestratorState.to_json),
replay schema V3. Facts of the extension's side: OrchestrationTriggerAttributeBindingProvider,
OutOfProcOrchestrationShim.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from azure.functions import _durable_functions as codec

from funchost.durable.actions import Action, ActionType, flatten
from funchost.durable.errors import MalformedDecision
from funchost.durable.events import HistoryEvent, encode_replay

# The SDK puts the whole state behind this label in the message of the exception that ends an orchestrator.
_STATE_LABEL = "\n\n$OutOfProcData$:"
_V2, _V3 = 1, 2


@dataclass(frozen=True, slots=True)
class Decision:
    """What one replay of an orchestrator came to; `output` and `custom_status` are JSON text or None."""

    actions: list[Action]
    is_done: bool = False
    output: str | None = None
    error: str | None = None
    custom_status: str | None = None

    @property
    def continues_as_new(self) -> Action | None:
        """The action that starts the next generation, when there is one."""
        last = self.actions[-1] if self.actions else None
        return last if last and last.type is ActionType.CONTINUE_AS_NEW else None


LONGEST_TIMER, LONG_TIMER_STEP = "6.00:00:00", "3.00:00:00"
"""DurableTask.AzureStorage AzureStorageDurabilityProvider: MaximumDelayTime and LongRunningTimerIntervalLength."""


def orchestrator_argument(
    instance_id: str, parent_id: str | None, raw_input: str | None, past: Iterable[bytes], new: list[HistoryEvent]
) -> str:
    """The trigger's JSON.

    `raw_input` is JSON text or None; `past` are events already in their wire form (played), `new` those of this turn.
    """
    head = orjson.dumps(
        {
            "instanceId": instance_id,
            "isReplaying": False,
            "parentInstanceId": parent_id,
            # SDKs before 1.1.4 refuse a number above V2 in the first field.
            "upperSchemaVersion": _V2,
            "upperSchemaVersionNew": _V3,
            # With these the SDK splits longer timers, as it does over the extension's Azure Storage provider.
            "maximumShortTimerDuration": LONGEST_TIMER,
            "longRunningTimerIntervalDuration": LONG_TIMER_STEP,
        }
    )
    value = (raw_input or "null").encode()
    history = b",".join([*past, encode_replay(new, played=False)])
    return b"".join((head[:-1], b',"input":', value, b',"history":[', history, b"]}")).decode()


def new_events_argument(events: list[HistoryEvent]) -> str:
    """What an orchestrator gets that is in memory (live.py): the events that it has not seen, as a JSON array."""
    return f"[{encode_replay(events, played=False).decode()}]"


def read_decision(returned: Any) -> Decision:
    """Read what an orchestrator function returned.

    Raises MalformedDecision when it is not an orchestration's state, UnsupportedAction for work we don't do.
    """
    if isinstance(returned, bytes):
        returned = returned.decode()
    if not isinstance(returned, str):
        raise MalformedDecision(f"An orchestrator returned {type(returned).__name__} instead of its state as JSON.")
    return _read_state(returned)


def read_failure(message: str) -> Decision:
    """Read the exception of an orchestrator function: its own words and, when the SDK added it, its state."""
    words, label, state = message.partition(_STATE_LABEL)
    if not label:
        return Decision([], error=message or "unknown error")
    decision = _read_state(state)
    return Decision(decision.actions, error=decision.error or words, custom_status=decision.custom_status)


def _read_state(text: str) -> Decision:
    try:
        state = json.loads(text)
        actions = state["actions"]
        nested = bool(actions) and isinstance(actions[0], list)
        leaves = flatten([leaf for group in actions for leaf in group] if nested else actions)
    except (json.JSONDecodeError, KeyError, TypeError) as problem:
        raise MalformedDecision(f"An orchestrator returned something else than its state: {problem}") from problem
    custom = state.get("customStatus")
    return Decision(
        actions=leaves,
        is_done=bool(state.get("isDone")),
        output=_text(state.get("output")),
        error=state.get("error"),
        custom_status=_text(custom),
    )


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def encode_result(value: Any) -> str:
    """An activity's result as the worker's ActivityTriggerConverter encodes it.

    Raises TypeError when it can't be JSON.
    """
    return str(codec.df_dumps(value))


def parse_json(text: str | None) -> Any:
    """The value of JSON text; text that is not JSON is itself the value, None stays None."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def describe(error: BaseException) -> str:
    """An exception as the host words it: type and message."""
    return f"{type(error).__name__}: {error}"
