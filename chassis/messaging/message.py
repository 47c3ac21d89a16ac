"""Messages: a typed command or event, always a CloudEvents 1.0 JSON document on the wire.

Extensions carry what travels with the work: `tenantid`, `principal` (subject), `correlationid` and `traceparent`
(CloudEvents distributed tracing extension).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import uuid4

import orjson
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from opentelemetry import propagate
from pydantic import BaseModel, ValidationError

from chassis import context
from chassis.errors import InvalidInput, PayloadTooLarge

Data = TypeVar("Data", bound=BaseModel)

MAX_MESSAGE_BYTES = 48 * 1024
"""What fits in a storage queue message of 64 KiB after base64 (Azure Queue Storage limits)."""


class MalformedMessage(InvalidInput):
    """Not a CloudEvent of the agreed type."""

    code, title = "platform.malformed-message", "The message can't be read"


@dataclass(frozen=True)
class Announced:
    """An event on its way to its subscribers: its type, and the CloudEvent's JSON."""

    type: str
    body: bytes


@dataclass(frozen=True)
class Message(Generic[Data]):
    """One received message. `data` is the validated body, `event` the whole CloudEvent as JSON attributes."""

    id: str
    type: str
    source: str
    data: Data
    tenant: str
    principal: str
    subject: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    time: datetime | None = None
    dequeue_count: int = 1


def new_event(
    type: str,
    data: Any,
    *,
    source: str,
    id: str | None = None,
    subject: str | None = None,
    tenant: str | None = None,
    principal: str | None = None,
    correlation_id: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> CloudEvent:
    """Make a CloudEvent that carries the present call's tenant, principal, correlation and trace.

    Given `attributes` win over the platform's, except those that travel with the work.
    Raises RuntimeError when there is neither a call context nor an explicit tenant.
    """
    call = context.current()
    described: dict[str, Any] = {
        "source": f"/{source}",
        "time": datetime.now(UTC),
        "datacontenttype": "application/json",
        **(attributes or {}),
        "id": id or uuid4().hex,
        "type": type,
        "specversion": "1.0",
        "tenantid": tenant or context.principal().tenant,
        "principal": principal or (call.principal.subject if call else source),
    }
    if isinstance(described["time"], str):
        described["time"] = datetime.fromisoformat(described["time"])
    correlation = correlation_id or (call.correlation_id if call else None)
    if subject is not None:
        described["subject"] = subject
    if correlation:
        described["correlationid"] = correlation
    return CloudEvent({**described, **_trace_context()}, data)


def to_json(event: CloudEvent) -> bytes:
    """The structured JSON form. Raises PayloadTooLarge past 48 KiB: large data lies in a blob (claim check)."""
    body = JSONFormat().write(event)
    if len(body) > MAX_MESSAGE_BYTES:
        raise PayloadTooLarge(f"a message of {len(body)} bytes; put the data in a blob and send its address")
    return body


def in_batches(events: Iterable[Announced]) -> list[list[Announced]]:
    """The events in order, in as few groups as have room in a message each."""
    batches: list[list[Announced]] = []
    size = MAX_MESSAGE_BYTES
    for event in events:
        size += len(event.body) + 1
        if size > MAX_MESSAGE_BYTES:
            batches.append([])
            size = len(event.body) + 2
        batches[-1].append(event)
    return batches


def packed(batch: Sequence[Announced]) -> bytes:
    """One event as it is, several as a batch: an array (CloudEvents JSON Event Format 1.0.2, section 4)."""
    return batch[0].body if len(batch) == 1 else b"[" + b",".join(event.body for event in batch) + b"]"


def unpacked(message: bytes) -> list[bytes]:
    """The events of one message of an event queue, in order. Raises MalformedMessage when it is no JSON."""
    if not message.startswith(b"["):
        return [message]
    try:
        return [orjson.dumps(event) for event in orjson.loads(message)]
    except orjson.JSONDecodeError as error:
        raise MalformedMessage(f"not a batch of CloudEvents: {error}") from None


def event_from_json(body: bytes | str) -> CloudEvent:
    """Read a CloudEvent. Raises MalformedMessage when it is none."""
    try:
        event = JSONFormat().read(CloudEvent, body)
    except (ValueError, TypeError, AttributeError, BaseCloudEventException) as error:
        raise MalformedMessage(f"not a CloudEvent: {error}") from None
    assert isinstance(event, CloudEvent)  # noqa: S101 - the factory given above makes no other
    return event


def read_message(body: bytes | str, model: type[Data], *, dequeue_count: int = 1) -> Message[Data]:
    """Read and validate one message. Raises MalformedMessage with the place and reason."""
    event = event_from_json(body)
    tenant = event.get_extension("tenantid")
    if not isinstance(tenant, str) or not tenant:
        raise MalformedMessage("the extension tenantid is missing")
    try:
        data = model.model_validate(event.get_data())
    except ValidationError as error:
        raise MalformedMessage(f"{event.get_type()}: {error.errors(include_input=False, include_url=False)}") from None
    return Message(
        id=event.get_id(),
        type=event.get_type(),
        source=event.get_source(),
        data=data,
        tenant=tenant,
        principal=str(event.get_extension("principal") or tenant),
        subject=event.get_subject(),
        correlation_id=event.get_extension("correlationid"),
        traceparent=event.get_extension("traceparent"),
        time=event.get_time(),
        dequeue_count=dequeue_count,
    )


def _trace_context() -> dict[str, str]:
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return {key: value for key, value in carrier.items() if key in {"traceparent", "tracestate"}}
