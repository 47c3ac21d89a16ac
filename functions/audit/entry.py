"""One entry of the log: an event, the exact bytes that are hashed, and what it can be found by."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from chassis.messaging.message import MalformedMessage
from functions.audit.canonical import canonical_json
from functions.audit.merkle import leaf_hash

REQUIRED = ("id", "source", "type", "specversion")
"""The attributes that every CloudEvent 1.0 has."""

PLATFORM_TENANT = "platform"
"""Whose log keeps events that name no tenant."""


@dataclass(frozen=True)
class Entry:
    """What is appended for one event. `leaf` is its canonical JSON, `event_key` the same for the same event."""

    tenant: str
    event_key: str
    leaf: bytes
    type: str
    subject: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None

    @property
    def trace_id(self) -> str | None:
        """The W3C trace id, 32 hex digits; None when the event carries none."""
        return trace_id_of(self.traceparent)

    @property
    def leaf_hash(self) -> bytes:
        """The hash that the tree holds."""
        return leaf_hash(self.leaf)


def read_entry(body: bytes) -> Entry:
    """The entry of one message. Raises MalformedMessage when it is not a CloudEvent in structured JSON."""
    event = _read_object(body)
    for name in REQUIRED:
        if not isinstance(event.get(name), str) or not event[name]:
            raise MalformedMessage(f"not a CloudEvent: {name} is missing")
    try:
        leaf = canonical_json(event)
    except ValueError as error:
        raise MalformedMessage(f"not a CloudEvent: {error}") from None
    return Entry(
        tenant=_text(event, "tenantid") or PLATFORM_TENANT,
        event_key=sha256(f"{event['source']}\n{event['id']}".encode()).hexdigest(),
        leaf=leaf,
        type=event["type"],
        subject=_text(event, "subject"),
        correlation_id=_text(event, "correlationid"),
        traceparent=_text(event, "traceparent"),
    )


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id of a W3C traceparent (version-traceid-spanid-flags); None when there is none."""
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else None


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedMessage(f"not JSON: {error}") from None
    if not isinstance(event, dict):
        raise MalformedMessage("not a CloudEvent: not a JSON object")
    return event


def _text(event: dict[str, Any], name: str) -> str | None:
    value = event.get(name)
    return value if isinstance(value, str) and value else None
