"""Page tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.metadata.errors import BadPageToken
from functions.metadata.paging import key_of, token_of


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_token_leads_back_to_its_key(key: str) -> None:
    assert key_of(token_of(key)) == key


@pytest.mark.parametrize("token", ["", "x", "é", "a=b", "_w", "YQ=="])
def test_a_token_that_no_page_gave_is_refused(token: str) -> None:
    with pytest.raises(BadPageToken):
        key_of(token)
