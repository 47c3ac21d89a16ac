from datetime import UTC, datetime
from types import SimpleNamespace

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.converters import converter_for
from funchost.triggers.queue_message import binding_data, body_datum, decode_body, encode_body, trigger_metadata

_TIME = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
_MESSAGE = SimpleNamespace(
    id="m1", dequeue_count=3, inserted_on=_TIME, expires_on=_TIME, next_visible_on=_TIME, pop_receipt="r"
)


@given(st.binary())
def test_base64_takes_any_bytes(body: bytes) -> None:
    assert decode_body(encode_body(body, "base64"), "base64") == body


@given(st.text())
def test_no_encoding_takes_any_text(text: str) -> None:
    assert decode_body(encode_body(text.encode(), "none"), "none") == text.encode()


def test_bytes_need_base64() -> None:
    with pytest.raises(ValueError, match="base64"):
        encode_body(b"\xff", "none")


@pytest.mark.parametrize("text", ["not base64!", "abc"])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Base64"):
        decode_body(text, "base64")


def test_a_function_gets_all_metadata() -> None:
    message = converter_for("queueTrigger").decode(body_datum(b"hi"), trigger_metadata=trigger_metadata(_MESSAGE))
    assert isinstance(message, func.QueueMessage)
    assert (message.id, message.dequeue_count, message.pop_receipt) == ("m1", 3, "r")
    assert message.insertion_time == message.expiration_time == message.time_next_visible == _TIME
    assert message.get_body() == b"hi"


def test_binary_bodies_stay_bytes() -> None:
    assert body_datum(b"\xff").type == "bytes"


def test_expressions_see_the_text_the_metadata_and_the_fields() -> None:
    data = binding_data(_MESSAGE, b'{"order": {"id": 7}}')
    assert (data["queueTrigger"], data["Id"], data["order"]) == ('{"order": {"id": 7}}', "m1", {"id": 7})
    assert "order" not in binding_data(_MESSAGE, b"{broken")
