"""The JSON hub protocol."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.signalr import protocol
from local.signalr.protocol import ProtocolError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(), JSON), min_size=1, max_size=5))
def test_what_is_encoded_is_decoded_again(records: list[dict[str, Any]]) -> None:
    text = b"".join(protocol.encode(record) for record in records).decode()
    assert protocol.decode(text) == records


@given(st.text())
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        records = protocol.decode(text)
    except ProtocolError:
        return
    assert all(isinstance(record, dict) for record in records)


@pytest.mark.parametrize("text", ["", "{}", '{"type":6}', "[1]\x1e", "nonsense\x1e"])
def test_a_record_without_end_or_without_object_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        protocol.decode(text)


@pytest.mark.parametrize("record", [{"protocol": "messagepack", "version": 1}, {"protocol": "json", "version": 9}, {}])
def test_only_the_json_protocol_is_spoken(record: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="not supported"):
        protocol.handshake(record)


@pytest.mark.parametrize(("size", "head"), [(5, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)])
def test_a_frame_has_the_header_for_its_length(size: int, head: int) -> None:
    frame = protocol.text_frame(b"x" * size)
    assert frame[0] == 0x81
    assert len(frame) == head + size
