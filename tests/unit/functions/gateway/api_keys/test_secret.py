import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.gateway.api_keys.secret import ApiKeySecret

ID = "0123456789abcdef" * 2


def test_a_new_key_is_read_back_and_matches_its_own_digest_alone() -> None:
    first, second = ApiKeySecret.new(ID), ApiKeySecret.new(ID)
    assert ApiKeySecret.parse(first.text) == first
    assert first.matches(first.digest)
    assert not first.matches(second.digest)


def test_neither_the_digest_nor_the_representation_shows_the_secret() -> None:
    key = ApiKeySecret.new(ID)
    assert re.fullmatch("[0-9a-f]{64}", key.digest)
    assert key.secret not in repr(key)


@pytest.mark.parametrize("change", ["", " ", "\n", "x"])
def test_what_is_longer_or_shorter_is_no_key(change: str) -> None:
    text = ApiKeySecret.new(ID).text
    assert ApiKeySecret.parse(text + change if change else text[:-1]) is None


@given(st.text(max_size=100))
def test_any_other_text_is_no_key(text: str) -> None:
    assert ApiKeySecret.parse(text) is None
