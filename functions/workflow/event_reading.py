"""Reads CloudEvents from HTTP requests: structured, batched and binary (CloudEvents HTTP protocol binding v1.0.2)."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from durable.workflow.eventing.cloudevents import Envelope, NotAnEvent, check_envelope
from durable.workflow.reserved import is_reserved
from functions.workflow.errors import EventInvalid, EventMediaTypeUnsupported

MAX_BATCH = 100
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
OWNED = ("tenantid", "principal")
"""Extension attributes that the platform sets by the token, whatever the request says."""


def read_events(headers: Mapping[str, str], body: bytes, tenant: str, subject: str) -> list[Envelope]:
    """The request's events in their order, marked as the tenant's. `headers` have lower-case names.

    A plain JSON object with a `specversion` is taken as a structured event.
    Raises EventInvalid with each bad event's index, EventMediaTypeUnsupported.
    """
    owner = dict(zip(OWNED, (tenant, subject), strict=True))
    mistakes = []
    checked = []
    for index, event in enumerate(_events(headers, body)):
        try:
            checked.append(_allowed(check_envelope({**event, **owner} if isinstance(event, dict) else event)))
        except NotAnEvent as error:
            mistakes.append({"index": index, "reason": str(error)})
    if mistakes:
        raise EventInvalid(
            "; ".join(f"event {item['index']}: {item['reason']}" for item in mistakes[:3]), errors=mistakes
        )
    return checked


def _events(headers: Mapping[str, str], body: bytes) -> list[Any]:
    content_type = headers.get("content-type", "")
    media_type = content_type.split(";")[0].strip().lower()
    if media_type == BATCH:
        found = _json(body)
        if not isinstance(found, list) or len(found) > MAX_BATCH:
            raise EventInvalid(f"a batch is an array of at most {MAX_BATCH} events")
        return found
    if media_type == STRUCTURED:
        return [_json(body)]
    if "ce-specversion" in headers:
        return [_binary(headers, content_type, media_type, body)]
    if media_type == "application/json":
        return [_json(body)]
    raise EventMediaTypeUnsupported(f"send {STRUCTURED}, {BATCH}, or the attributes as ce- headers")


def _binary(headers: Mapping[str, str], content_type: str, media_type: str, body: bytes) -> Envelope:
    event: Envelope = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    if content_type:
        event["datacontenttype"] = content_type
    if not body:
        return event
    if media_type == "application/json" or media_type.endswith("+json"):
        return {**event, "data": _json(body)}
    if media_type.startswith("text/"):
        try:
            return {**event, "data": body.decode()}
        except UnicodeDecodeError:
            raise EventInvalid("text data is UTF-8") from None
    return {**event, "data_base64": base64.b64encode(body).decode()}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise EventInvalid("the body is not JSON") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _allowed(event: Envelope) -> Envelope:
    if is_reserved(event["type"]):
        raise NotAnEvent(f"the type {event['type']} belongs to the platform: subscribers take it for its own word")
    return event
