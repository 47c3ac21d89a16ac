"""ETags and conditions."""

import pytest

from functions.metadata.errors import ETagMismatch
from functions.metadata.preconditions import check_if_match, etag_of, is_unchanged

PRESENT = '"abc"'


@pytest.mark.parametrize("header", [None, "*", PRESENT, '"x", "abc"', 'W/"abc"'])
def test_a_condition_that_holds_lets_the_change_pass(header: str | None) -> None:
    check_if_match(header, PRESENT)


@pytest.mark.parametrize(("header", "present"), [('"x"', PRESENT), ("*", None), (PRESENT, None), ("abc", PRESENT)])
def test_a_condition_that_fails_stops_the_change(header: str, present: str | None) -> None:
    with pytest.raises(ETagMismatch):
        check_if_match(header, present)


@pytest.mark.parametrize(("header", "unchanged"), [(None, False), ('"x"', False), ('"x","abc"', True), ("*", True)])
def test_a_caller_who_has_the_present_state_gets_nothing_new(header: str | None, unchanged: bool) -> None:
    assert is_unchanged(header, PRESENT) is unchanged


def test_an_etag_is_quoted_and_tells_revisions_apart() -> None:
    assert etag_of("f" * 64) == '"' + "f" * 32 + '"'
    assert etag_of("f" * 64, 2) != etag_of("f" * 64, 3)
