"""What is appended for one message."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.messaging.message import MalformedMessage
from functions.audit.entry import read_entry, trace_id_of

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/processing",
    "type": "processing.job.completed",
    "tenantid": "acme",
    "correlationid": "instance-1",
    "subject": "job-1",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "data": {"b": 1.0, "a": [1, "é"]},
    "anotherextension": True,
}


def entry_of(**changes: Any) -> Any:
    event = {key: value for key, value in {**EVENT, **changes}.items() if value is not None}
    return read_entry(orjson.dumps(event))


def test_the_leaf_is_the_whole_event_in_canonical_form() -> None:
    entry = entry_of()
    assert orjson.loads(entry.leaf) == EVENT
    assert entry.leaf.startswith(b'{"anotherextension":true,"correlationid":"instance-1","data":{"a":[1,"')
    assert entry.leaf == read_entry(orjson.dumps(dict(reversed(EVENT.items())))).leaf


def test_an_event_is_found_by_what_it_belongs_to() -> None:
    entry = entry_of()
    assert (entry.tenant, entry.type, entry.subject) == ("acme", "processing.job.completed", "job-1")
    assert (entry.correlation_id, entry.trace_id) == ("instance-1", "0af7651916cd43dd8448eb211c80319c")


def test_the_same_event_is_known_by_source_and_id() -> None:
    assert entry_of().event_key == entry_of(data={"changed": True}).event_key
    assert entry_of().event_key != entry_of(source="/reporting").event_key
    assert entry_of().event_key != entry_of(id="2").event_key


def test_an_event_of_no_tenant_goes_to_the_platforms_log() -> None:
    assert entry_of(tenantid=None).tenant == "platform"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', *(orjson.dumps({**EVENT, name: ""}) for name in ("id", "source", "type"))]
)
def test_what_is_no_cloud_event_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_entry(body)


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [(None, None), ("", None), ("00-short-b7ad-01", None), (EVENT["traceparent"], EVENT["traceparent"][3:35])],
)
def test_a_trace_id_is_read_from_a_traceparent(traceparent: str | None, trace_id: str | None) -> None:
    assert trace_id_of(traceparent) == trace_id


@given(st.binary(max_size=100))
def test_any_bytes_are_an_entry_or_malformed(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_entry(body)
