import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.messaging.envelope import (
    EnvelopeMessage,
    OutgoingMessage,
    fits_queue,
    messages_json,
    pack,
    read_claim,
    unpack,
)
from chassis.messaging.message import MAX_MESSAGE_BYTES, MalformedMessage, event_from_json
from chassis.work import WorkContext

WORK = WorkContext(tenant="acme", subject="ada", correlation_id="run-1")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.lists(st.tuples(st.text(min_size=1, max_size=20), st.text(max_size=20), JSON), max_size=10)


@given(MESSAGES)
def test_messages_survive_the_way_in_an_envelope_and_in_a_claim(messages: list[tuple[str, str, object]]) -> None:
    outgoing = [OutgoingMessage.of(*message) for message in messages]
    expected = tuple(EnvelopeMessage(*message) for message in messages)
    envelope = unpack(pack("stream:orders", outgoing, WORK))
    assert (envelope.messages, envelope.count, envelope.target) == (expected, len(messages), "stream:orders")
    assert (envelope.work.tenant, envelope.work.subject, envelope.work.correlation_id) == ("acme", "ada", "run-1")
    claimed = unpack(pack("stream:orders", outgoing, WORK, claim="0/acme/1"))
    assert (claimed.messages, claimed.count, claimed.claim) == ((), len(messages), "0/acme/1")
    assert read_claim(messages_json(outgoing)) == expected


def test_an_envelope_is_a_cloud_event() -> None:
    event = event_from_json(pack("handler:count", [OutgoingMessage.of("1", "", {})], WORK))
    assert (event.get_type(), event.get_source(), event.get_extension("tenantid")) == (
        "processing.messages",
        "/processing",
        "acme",
    )


@given(st.integers(1, 60), st.integers(1, 2000))
def test_what_is_said_to_fit_a_queue_message_fits(count: int, size: int) -> None:
    outgoing = [OutgoingMessage.of(str(number), "key", "x" * size) for number in range(count)]
    if fits_queue(outgoing):
        assert len(pack("stream:orders", outgoing, WORK)) <= MAX_MESSAGE_BYTES


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b'{"type":"x","data":{}}', b'{"type":"processing.messages"}']
)
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        unpack(body)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'[{"id":"1"}]'])
def test_what_is_no_claim_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_claim(body)
