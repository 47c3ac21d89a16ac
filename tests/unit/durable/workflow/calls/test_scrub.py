"""Secrets are taken out of what comes back."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.workflow.calls.scrub import scrub, secret_texts

SECRET = 'pä"ss/w&rd-7b1c'


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"before {SECRET} after",
        json.dumps({"a": SECRET}),
        json.dumps({"a": SECRET}, ensure_ascii=False),
        "p%C3%A4%22ss%2Fw%26rd-7b1c",
        b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_taken_out_in_every_form(text: str) -> None:
    found = json.dumps(scrub({"k": [text], text: 1}, secret_texts([{"password": SECRET}])), ensure_ascii=False)
    assert "ss/w" not in found
    assert "7b1c" not in found
    assert "***" in found


def test_numbers_and_lines_of_a_secret_count_as_well() -> None:
    texts = secret_texts([{"pin": 12345678, "key": "-----BEGIN-----\nline-one-of-key\n"}])
    assert scrub({"a": 12345678, "b": "x line-one-of-key", "c": True}, texts) == {"a": "***", "b": "x ***", "c": True}


def test_short_secrets_are_left_alone() -> None:
    assert scrub(["on", 1], secret_texts(["on", 1])) == ["on", 1]


VALUES = st.recursive(st.text(max_size=8) | st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@given(VALUES, st.text(alphabet="abc", min_size=6, max_size=8))
def test_no_text_with_the_secret_stays(value: Any, secret: str) -> None:
    left = scrub([value, {secret: secret + "x"}], secret_texts([secret]))
    assert secret not in json.dumps(left)
