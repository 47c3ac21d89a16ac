import re

from hypothesis import given
from hypothesis import strategies as st

from chassis.messaging.outbox import OUTBOX_PREFIX
from chassis.storage.keys import after_prefix, decode_key, encode_key

text = st.text(st.characters(exclude_categories=["Cs"]))


@given(text)
def test_every_text_survives_the_way_there_and_back(key: str) -> None:
    assert decode_key(encode_key(key)) == key


@given(text)
def test_an_encoded_key_has_no_character_that_tables_refuse(key: str) -> None:
    assert not re.search(r"[/\\#?\x00-\x1f\x7f-\x9f]", encode_key(key))


@given(text, text)
def test_different_texts_have_different_keys(one: str, other: str) -> None:
    assert (encode_key(one) == encode_key(other)) == (one == other)


@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])), text)
def test_the_range_of_a_prefix_holds_exactly_what_begins_with_it(prefix: str, key: str) -> None:
    low, high, encoded = encode_key(prefix), after_prefix(encode_key(prefix)), encode_key(key)
    assert (low <= encoded < high) == encoded.startswith(low)


@given(text)
def test_rows_sort_before_the_outbox(key: str) -> None:
    assert encode_key(key) < OUTBOX_PREFIX
