import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.identity.errors import InvalidScope
from functions.identity.scopes import granted

ALLOWED = frozenset({"metadata.read", "metadata.write", "audit.read"})


def test_without_a_request_the_client_gets_all_it_may_have() -> None:
    assert granted(None, ALLOWED) == "audit.read metadata.read metadata.write"


@settings(deadline=None)
@given(st.lists(st.sampled_from(sorted(ALLOWED)), min_size=1))
def test_what_is_asked_for_is_granted_once_and_nothing_more(wanted: list[str]) -> None:
    assert granted(" ".join(wanted), ALLOWED).split() == sorted(set(wanted))


@pytest.mark.parametrize(
    "requested",
    ["audit.write", "metadata.read audit.write", "", " ", "metadata.read  audit.read", 'a"b', "ä", "*", "audit.read\n"],
)
def test_anything_else_is_refused_and_never_narrowed(requested: str) -> None:
    with pytest.raises(InvalidScope):
        granted(requested, ALLOWED)
