"""Envelopes: one queue message that carries many messages of one tenant for one target.

An envelope is a CloudEvent of type `processing.messages`. Up to 48 KiB it holds its messages itself; past that they lie
in a blob, one JSON document, and the envelope carries its name (claim check). `count` is in both, so that a queue's
depth can be told in messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from chassis.messaging.message import MAX_MESSAGE_BYTES, MalformedMessage, new_event
from chassis.work import WorkContext

TYPE = "processing.messages"
CLAIMS = "processing-envelopes"
"""The container of the messages that do not fit into a queue message."""

MAX_ENVELOPE_BYTES = 1024 * 1024
"""Most bytes of one envelope's messages; a single message may be as large (Event Hubs' limit of a batch, too)."""

MAX_MESSAGES = 10_000
_ROOM_FOR_THE_REST = 1024


@dataclass(frozen=True)
class OutgoingMessage:
    """A message on its way: its id, its key, and itself as JSON (`id`, `key`, `data`)."""

    id: str
    key: str
    body: bytes

    @classmethod
    def of(cls, id: str, key: str, data: Any) -> "OutgoingMessage":
        """Raises TypeError when the data is no JSON."""
        return cls(id, key, orjson.dumps({"id": id, "key": key, "data": data}))


@dataclass(frozen=True, slots=True)
class EnvelopeMessage:
    """One message of a received envelope."""

    id: str
    key: str
    data: Any


@dataclass(frozen=True)
class Envelope:
    """A received envelope. `messages` is empty while they lie in the blob `claim`."""

    id: str
    target: str
    count: int
    work: WorkContext
    messages: tuple[EnvelopeMessage, ...] = ()
    claim: str | None = None


def fits_queue(messages: Sequence[OutgoingMessage]) -> bool:
    """Whether the messages go into the queue message itself."""
    return sum(len(item.body) + 1 for item in messages) + _ROOM_FOR_THE_REST <= MAX_MESSAGE_BYTES


def messages_json(messages: Sequence[OutgoingMessage]) -> bytes:
    """The messages as a JSON array, as they lie in a claim's blob."""
    return b"[" + b",".join(item.body for item in messages) + b"]"


def pack(target: str, messages: Sequence[OutgoingMessage], work: WorkContext, *, claim: str | None = None) -> bytes:
    """The queue message; with `claim`, the blob that has the messages."""
    event = new_event(
        TYPE, {}, source="processing", tenant=work.tenant, principal=work.subject, correlation_id=work.correlation_id
    )
    attributes = {name: str(value) for name, value in event.get_attributes().items() if name != "time"}
    if work.traceparent:
        attributes["traceparent"] = work.traceparent
    data = {"target": target, "count": len(messages), "claim": claim}
    inline = orjson.Fragment(messages_json(messages if claim is None else ()))
    return orjson.dumps({**attributes, "time": event.get_time(), "data": {**data, "messages": inline}})


def unpack(body: bytes) -> Envelope:
    """Read an envelope. Raises MalformedMessage with the reason."""
    try:
        event = orjson.loads(body)
        data = event["data"]
        if event["type"] != TYPE:
            raise MalformedMessage(f"an envelope of type {str(event['type'])[:100]}")
        work = WorkContext(
            tenant=event["tenantid"],
            subject=event["principal"],
            correlation_id=event.get("correlationid"),
            traceparent=event.get("traceparent"),
        )
        messages = read_messages(data["messages"])
        return Envelope(str(event["id"]), str(data["target"]), int(data["count"]), work, messages, data["claim"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedMessage(f"not an envelope: {type(error).__name__}") from None


def read_messages(items: Any) -> tuple[EnvelopeMessage, ...]:
    """The messages of a JSON array. Raises KeyError or TypeError when they are none."""
    if not isinstance(items, list):
        raise TypeError("not an array")
    return tuple(EnvelopeMessage(item["id"], item["key"], item["data"]) for item in items)


def read_claim(body: bytes) -> tuple[EnvelopeMessage, ...]:
    """The messages of a claim's blob. Raises MalformedMessage."""
    try:
        return read_messages(orjson.loads(body))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise MalformedMessage(f"not the messages of an envelope: {type(error).__name__}") from None
