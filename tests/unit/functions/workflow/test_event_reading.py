"""CloudEvents in HTTP requests."""

import json
from typing import Any

import pytest

from functions.workflow.errors import EventInvalid, EventMediaTypeUnsupported
from functions.workflow.event_reading import read_events

EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "order.paid", "data": {"n": 1}}
OWNED = {"tenantid": "acme", "principal": "me"}


def read(content_type: str, body: Any, **headers: str) -> list[dict[str, Any]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_events({"content-type": content_type, **named}, content, "acme", "me")


def test_a_structured_event_belongs_to_the_tokens_tenant_whatever_it_says() -> None:
    assert read("application/cloudevents+json; charset=utf-8", {**EVENT, "tenantid": "other"}) == [{**EVENT, **OWNED}]


def test_plain_json_is_a_structured_event() -> None:
    assert read("application/json", EVENT) == [{**EVENT, **OWNED}]


def test_a_batch_keeps_its_order() -> None:
    batch = [{**EVENT, "id": str(n)} for n in range(3)]
    assert [event["id"] for event in read("application/cloudevents-batch+json", batch)] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("content_type", "body", "wanted"),
    [
        ("application/json", b'{"n": 1}', {"data": {"n": 1}}),
        ("text/plain", "grüß".encode(), {"data": "grüß"}),
        ("application/octet-stream", b"\x00\x01", {"data_base64": "AAE="}),
        ("application/json", b"", {}),
    ],
)
def test_a_binary_event_has_its_attributes_in_headers(content_type: str, body: bytes, wanted: dict[str, Any]) -> None:
    headers = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s%20x".replace("%20", ""), "ce_type": "a.b"}
    [event] = read(content_type, body, **headers)
    assert {key: event[key] for key in event if key.startswith("data") and key != "datacontenttype"} == wanted
    assert event["datacontenttype"] == content_type


def test_each_bad_event_of_a_batch_is_named_and_none_is_taken() -> None:
    with pytest.raises(EventInvalid) as refused:
        read("application/cloudevents-batch+json", [EVENT, {}, 5, {**EVENT, "type": "processing.job.completed"}])
    assert [item["index"] for item in refused.value.extensions["errors"]] == [1, 2, 3]


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"NaN", b'"x"', b"[" * 100_000])
def test_hostile_bodies_are_refused(body: bytes) -> None:
    for content_type in ("application/cloudevents+json", "application/cloudevents-batch+json", "application/json"):
        with pytest.raises(EventInvalid):
            read(content_type, body)


def test_a_batch_has_at_most_a_hundred_events() -> None:
    with pytest.raises(EventInvalid, match="100"):
        read("application/cloudevents-batch+json", [EVENT] * 101)


def test_other_media_types_are_refused() -> None:
    with pytest.raises(EventMediaTypeUnsupported):
        read("text/plain", b"x")
