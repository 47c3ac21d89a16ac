"""Durable entities: small states with an id, which work off their operations in batches.

An entity is an instance whose id is `@name@key` and whose row's `input` is its state (JSON text; None: it does not
exist). Operations are messages; a batch, the new state and the answers are committed together. Shapes:
DurableEntityContext.from_json and EntityState.to_json of the SDK.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from funchost.durable.backend import InstanceRow, Message, NewInstance, TurnCommit
from funchost.durable.events import EventType, HistoryEvent, format_time, parse_time
from funchost.durable.state import Status
from funchost.durable.wire import describe, parse_json

_MOST_PER_BATCH = 500


@dataclass(frozen=True, slots=True)
class EntityId:
    """The two parts of an entity's instance id."""

    name: str
    key: str

    @property
    def instance_id(self) -> str:
        """`@name@key`, the name in small letters as the SDK writes it."""
        return f"@{self.name.lower()}@{self.key}"

    @classmethod
    def parse(cls, instance_id: str) -> EntityId:
        """The inverse of instance_id; a text without a key has an empty one."""
        name, _, key = instance_id[1:].partition("@")
        return cls(name, key)


def is_entity(instance_id: str) -> bool:
    """Whether an instance id is an entity's."""
    return instance_id.startswith("@")


def operation(
    instance_id: str,
    name: str,
    raw_input: str | None,
    now: datetime,
    *,
    request_id: str | None = None,
    caller: tuple[str, str] | None = None,
    due: datetime | None = None,
) -> NewInstance:
    """An operation for an entity, which comes into being when it is not there.

    With `due`, it waits with the entity until then, over restarts too.

    `raw_input` is JSON text around JSON text, as the SDK's get_input unpacks it. `caller` (instance id, execution id)
    gets the answer as the external event `request_id`; None signals only.
    """
    fields = {"Name": name, "Input": raw_input, "_request": request_id, "_caller": list(caller) if caller else None}
    if due is not None:
        fields["_due"] = format_time(due)
    message = Message(instance_id, HistoryEvent(EventType.GENERIC_EVENT, format_time(now), fields=fields))
    row = InstanceRow(instance_id, uuid4().hex, instance_id, Status.RUNNING, now, now)
    # The "refusal" of an entity that is there already is the same operation, delivered to it.
    return NewInstance(row, message, refusal=message)


def due_operations(messages: Iterable[Message], now: datetime) -> tuple[list[Message], datetime | None]:
    """Those whose time has come, in order of arrival, and when the next of the others is due (None: there is none)."""
    ready: list[Message] = []
    later: list[datetime] = []
    for message in messages:
        text = message.event.get("_due")
        due = parse_time(text) if text else now
        if due > now:
            later.append(due)
        else:
            ready.append(message)
    return ready, min(later, default=None)


async def run_batch(
    row: InstanceRow,
    messages: list[Message],
    functions: Mapping[str, str],
    invoke: Callable[[str, str, str | None], Awaitable[Any]],
    now: datetime,
) -> TurnCommit:
    """Carry out waiting operations (control messages mean nothing here) and plan the answers."""
    taken = messages[:_MOST_PER_BATCH]
    batch = [message.event for message in taken if message.event.type is EventType.GENERIC_EVENT]
    identity = EntityId.parse(row.instance_id)
    try:
        state, results = await _invoke(identity, row.input, batch, functions, invoke)
    except Exception as error:  # noqa: BLE001 - whatever user code raises goes to the callers
        state, results = row.input, [{"isError": True, "result": json.dumps(describe(error))}] * len(batch)
    answers = [_answer(event, result, now) for event, result in zip(batch, results, strict=True)]
    return TurnCommit(
        row=replace(row, input=state, updated_at=now),
        execution_id=row.execution_id,
        events=[],
        consumed=[message.sequence for message in taken],
        messages=[answer for answer in answers if answer is not None],
    )


async def _invoke(
    identity: EntityId,
    state: str | None,
    batch: list[HistoryEvent],
    functions: Mapping[str, str],
    invoke: Callable[[str, str, str | None], Awaitable[Any]],
) -> tuple[str | None, list[dict[str, Any]]]:
    function = functions.get(identity.name)
    if function is None:
        raise LookupError(f"The entity function '{identity.name}' doesn't exist in this app.")
    argument = {
        "self": {"name": identity.name, "key": identity.key},
        "exists": state is not None,
        "state": state,
        "batch": [{"name": event.get("Name"), "input": event.get("Input") or "null"} for event in batch],
    }
    returned = json.loads(await invoke(function, json.dumps(argument), None))
    results = returned["results"]
    if len(results) != len(batch):
        raise ValueError(f"{len(batch)} operations had {len(results)} results")
    return (returned["entityState"] if returned["entityExists"] else None), results


def _answer(event: HistoryEvent, result: dict[str, Any], now: datetime) -> Message | None:
    caller = event.get("_caller")
    if caller is None:
        return None
    answer = {"result": result.get("result") or "null"}
    if result.get("isError"):
        answer["exceptionType"] = "System.Exception"
    fields = {"Name": event.get("_request"), "Input": json.dumps(answer)}
    return Message(caller[0], HistoryEvent(EventType.EVENT_RAISED, format_time(now), fields=fields), caller[1])


def shown_state(row: InstanceRow) -> Any:
    """An entity's state as a value."""
    return parse_json(row.input)
