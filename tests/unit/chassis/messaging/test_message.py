import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.context import CallContext, Principal, calling
from chassis.errors import PayloadTooLarge
from chassis.messaging.message import (
    MAX_MESSAGE_BYTES,
    Announced,
    MalformedMessage,
    event_from_json,
    in_batches,
    new_event,
    packed,
    read_message,
    to_json,
    unpacked,
)
from chassis.models import Contract


class Order(Contract):
    item_name: str
    amount: int


CALL = CallContext(Principal(subject="ada", tenant="acme"), "run-1")


def written(**changes: object) -> bytes:
    with calling(CALL):
        document = json.loads(to_json(new_event("shop.order", {"itemName": "nut", "amount": 3}, source="shop")))
    return json.dumps({**document, **changes}).encode()


@given(st.text(max_size=50), st.integers())
def test_a_message_survives_the_way_there_and_back(name: str, amount: int) -> None:
    with calling(CALL):
        event = new_event("shop.order", Order(item_name=name, amount=amount).model_dump(), source="shop", subject="7")
    message = read_message(to_json(event), Order, dequeue_count=2)
    assert message.data == Order(item_name=name, amount=amount)
    assert (message.tenant, message.principal, message.correlation_id) == ("acme", "ada", "run-1")
    assert (message.type, message.source, message.subject, message.dequeue_count) == ("shop.order", "/shop", "7", 2)


def test_a_message_outside_any_call_needs_a_tenant() -> None:
    with pytest.raises(RuntimeError, match="no call context"):
        new_event("shop.order", {}, source="shop")
    assert new_event("shop.order", {}, source="shop", tenant="acme").get_extension("tenantid") == "acme"


@pytest.mark.parametrize(
    "body",
    [b"", b"no json", b"[]", b"null", b"{}", b'{"specversion":"1.0"}', b"\xff\xfe", b'{"id":1,"source":2,"type":3}'],
)
def test_what_is_no_cloud_event_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        event_from_json(body)


@pytest.mark.parametrize(
    "changes",
    [
        {"tenantid": ""},
        {"tenantid": None},
        {"data": None},
        {"data": []},
        {"data": {"itemName": "nut"}},
        {"data": {"itemName": "nut", "amount": "many"}},
        {"data": {"itemName": "nut", "amount": 3, "more": 1}},
    ],
)
def test_a_message_of_another_form_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedMessage):
        read_message(written(**changes), Order)


def test_large_data_is_refused_before_it_is_sent() -> None:
    with calling(CALL):
        event = new_event("shop.order", {"text": "x" * 50_000}, source="shop")
    with pytest.raises(PayloadTooLarge, match="blob"):
        to_json(event)


@given(st.lists(st.integers(0, 30_000), max_size=12))
def test_events_travel_in_few_messages_that_fit_and_come_out_in_order(sizes: list[int]) -> None:
    events = [Announced("a.b", json.dumps({"id": str(n), "x": "y" * size}).encode()) for n, size in enumerate(sizes)]
    batches = in_batches(events)
    messages = [packed(batch) for batch in batches]
    assert all(len(message) <= MAX_MESSAGE_BYTES for message in messages)
    assert [json.loads(body) for m in messages for body in unpacked(m)] == [json.loads(e.body) for e in events]
    for batch, after in pairwise(batches):  # the next one had no room in it
        assert len(packed([*batch, after[0]])) > MAX_MESSAGE_BYTES


def test_one_event_travels_as_it_is() -> None:
    assert packed([Announced("a.b", b'{"id": 1.0}')]) == b'{"id": 1.0}'
    assert unpacked(b'{"id": 1.0}') == [b'{"id": 1.0}']


def test_a_broken_batch_is_malformed() -> None:
    with pytest.raises(MalformedMessage):
        unpacked(b'[{"id": 1}')
