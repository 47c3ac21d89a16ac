"""CloudEvents 1.0 as JSON values: checked, told apart, and read as `listen.read` says (CloudEvents spec v1.0.2)."""

import hashlib
import json
import re
from datetime import datetime
from typing import Any

from durable.workflow.dsl.texts import is_date_time

MAX_EVENT_BYTES = 32_000
"""Largest event as structured JSON; an instance carries no larger value, and larger data belongs in a store."""

MAX_TEXT = 1_000
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,40}\Z")
_WHITE = re.compile(r"[\x00-\x20\x7f]")
_MEDIA_TYPE = re.compile(r"[\w.+\-!#$&^]+/[\w.+\-!#$&^]+(\s*;.*)?\Z")

Envelope = dict[str, Any]
"""An event in the JSON event format: context attributes, and `data` or `data_base64`."""


class NotAnEvent(ValueError):
    """A value that is no CloudEvent 1.0; the message says why."""


def check_envelope(value: Any) -> Envelope:
    """The event, unchanged. Raises NotAnEvent when it breaks the CloudEvents specification or our limits."""
    if not isinstance(value, dict):
        raise NotAnEvent("an event is a JSON object")
    for name in ("id", "source", "type"):
        _check_text(value, name)
    if value.get("specversion") != "1.0":
        raise NotAnEvent("specversion must be 1.0")
    if _WHITE.search(value["source"]):
        raise NotAnEvent("source must be a URI reference")
    if "data" in value and "data_base64" in value:
        raise NotAnEvent("an event has data or data_base64, not both")
    if not isinstance(value.get("data_base64", ""), str):
        raise NotAnEvent("data_base64 must be a string")
    _check_attributes(value)
    if len(json.dumps(value, ensure_ascii=False).encode()) > MAX_EVENT_BYTES:
        raise NotAnEvent(f"an event has at most {MAX_EVENT_BYTES} bytes; keep larger data in a store")
    return value


def event_key(envelope: Envelope) -> str:
    """The event's identity, source and id, as 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps([envelope["source"], envelope["id"]]).encode()).hexdigest()[:32]


def read_as(envelope: Envelope, mode: str) -> Any:
    """What a listener reads of an event.

    `data` is its data (binary data as base64 text), `envelope` all of it, `raw` its data as text: JSON data as compact
    JSON, other data as it is. `message` is what an AsyncAPI subscription reads: payload, headers and correlation id.
    """
    if mode == "envelope":
        return envelope
    data = envelope.get("data_base64", envelope.get("data"))
    if mode == "message":
        headers = {name: value for name, value in envelope.items() if name not in ("data", "data_base64")}
        return {"payload": data, "headers": headers, "correlationId": envelope.get("correlationid")}
    if mode == "data" or isinstance(data, str):
        return data
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def attribute_text(value: Any) -> str:
    """A context attribute's value as the text that it has in a header (CloudEvents type system, string encoding)."""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def time_of(moment: datetime) -> str:
    """RFC 3339, UTC, milliseconds."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _check_text(value: dict[str, Any], name: str) -> None:
    text = value.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= MAX_TEXT:
        raise NotAnEvent(f"{name} must be a text of 1 to {MAX_TEXT} characters")


def _check_attributes(value: dict[str, Any]) -> None:
    for name, item in value.items():
        if name in {"data", "data_base64"}:
            continue
        if not _ATTRIBUTE.match(name):
            raise NotAnEvent(f"an attribute's name has lower-case letters and digits only, at most 40: {name[:60]!r}")
        if not isinstance(item, str | bool | int) and item is not None:
            raise NotAnEvent(f"{name} must be a string, a number or a boolean")
    if not is_date_time(value.get("time", "1970-01-01T00:00:00Z") or ""):
        raise NotAnEvent("time must be an RFC 3339 time")
    if not _MEDIA_TYPE.match(str(value.get("datacontenttype", "application/json"))):
        raise NotAnEvent("datacontenttype must be a media type")
