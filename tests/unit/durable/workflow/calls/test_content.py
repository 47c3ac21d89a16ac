"""Bodies by their content types."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.workflow.calls.content import FORM, decode, encode
from durable.workflow.faults import Fault

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(alphabet=st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), inner),
)


@pytest.mark.parametrize(
    ("body", "content_type", "sent", "sent_type"),
    [
        (None, None, None, None),
        ({"a": 1}, None, b'{"a": 1}', "application/json"),
        ([1], "application/vnd.x+json", b"[1]", "application/vnd.x+json"),
        ("text", None, b"text", "text/plain; charset=utf-8"),
        ('{"ready": true}', "application/json", b'{"ready": true}', "application/json"),
        ({"a": "b c", "d": [1, 2]}, FORM, b"a=b+c&d=1&d=2", FORM),
        (False, None, b"false", "application/json"),
    ],
)
def test_bodies_are_encoded_by_kind_and_type(body: Any, content_type: Any, sent: Any, sent_type: Any) -> None:
    assert encode(body, content_type) == (sent, sent_type)


@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    assert decode(json.dumps(value).encode(), "application/problem+json; charset=utf-8") == value


@given(st.binary(min_size=1), st.sampled_from(["text/plain; charset=nonsense", "image/png", "", "text/html;charset"]))
def test_no_bytes_of_other_types_are_refused(body: bytes, content_type: str) -> None:
    assert isinstance(decode(body, content_type), str)


def test_what_calls_itself_json_and_is_none_is_an_error() -> None:
    for body in (
        b"{",
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
        b"NaN",
        b'{"a": Infinity}',
        b'"\\ud800"',
        b"1" * 5000 + b"x",
    ):
        with pytest.raises(Fault):
            decode(body, "application/json")
