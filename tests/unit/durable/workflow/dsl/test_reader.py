"""Reading definitions: YAML 1.2 and JSON alike, and hostile text costs little."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.workflow.dsl.reader import MAX_TEXT_BYTES, UnreadableDefinition, read_document

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_json_is_read_as_it_is(document: dict[str, object]) -> None:
    assert read_document(json.dumps(document).encode()) == document


def test_the_key_on_is_a_string_and_a_date_stays_text() -> None:
    assert read_document(b"on: yes\nday: 2026-01-01\ntime: 2026-01-01T00:00:00Z") == {
        "on": "yes",
        "day": "2026-01-01",
        "time": "2026-01-01T00:00:00Z",
    }


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB.encode(),
        b"a: &a [*a]",
        b"a: &a {b: *a}",
        b"[" * 5000,
        b"{" * 5000,
        b"a: " + b"[" * 100 + b"]" * 100,
        b"a: 1\na: 2",
        b'{"a": 1, "a": 2}',
        b"a: .nan",
        b'{"a": NaN}',
        b"1: a",
        b"a: !!binary aGk=",
        b"a: !!python/object/apply:os.system ['true']",
        b"a: !!set {x}",
        b"\xff\xfe",
        b"- a",
        b"",
        b"a: [",
        b"a: " + b"9" * 5000,
        b"x" * (MAX_TEXT_BYTES + 1),
    ],
    ids=range(20),
)
def test_what_cannot_be_taken_is_refused_soon_and_in_plain_words(text: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(UnreadableDefinition) as refused:
        read_document(text)
    assert str(refused.value)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "text",
    [
        rb'{"document": {"title": "\ud800"}}',
        rb'{"document": {"\udfff": 1}}',
        rb'document: {title: "\ud800"}',
    ],
)
def test_half_a_surrogate_pair_is_refused_since_it_can_not_be_stored(text: bytes) -> None:
    with pytest.raises(UnreadableDefinition, match="surrogate"):
        read_document(text)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert read_document(rb'{"title": "\ud83d\udca9"}') == {"title": "\U0001f4a9"}
