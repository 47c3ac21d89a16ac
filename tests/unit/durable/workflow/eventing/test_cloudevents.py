"""What is a CloudEvent, and how a listener reads it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.workflow.eventing.cloudevents import NotAnEvent, check_envelope, event_key, read_as

GOOD = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
BAD = [
    {"id": ""},
    {"id": 5},
    {"source": "a b"},
    {"type": None},
    {"specversion": "0.3"},
    {"time": "yesterday"},
    {"Upper": "x"},
    {"with-dash": "x"},
    {"list": []},
    {"datacontenttype": "json"},
    {"data": 1, "data_base64": "eA=="},
    {"data_base64": 5},
    {"data": "x" * 40_000},
]


@pytest.mark.parametrize("change", BAD)
def test_what_breaks_the_specification_or_a_limit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(NotAnEvent):
        check_envelope({**GOOD, **change})


@pytest.mark.parametrize("change", [{}, {"time": "2026-01-01T00:00:00Z"}, {"n": 5, "yes": True}, {"data": None}])
def test_what_the_specification_allows_is_taken(change: dict[str, Any]) -> None:
    assert check_envelope({**GOOD, **change}) == {**GOOD, **change}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_anything_else_is_refused_and_nothing_breaks(value: Any) -> None:
    with pytest.raises(NotAnEvent, match=r"\w"):
        check_envelope(value if value != GOOD else None)


def test_an_event_is_known_by_source_and_id() -> None:
    assert event_key(GOOD) == event_key({**GOOD, "type": "other", "data": 5})
    assert len({event_key({**GOOD, **change}) for change in ({}, {"id": "2"}, {"source": "/t"})}) == 3


@pytest.mark.parametrize(
    ("mode", "data", "wanted"),
    [("data", {"a": 1}, {"a": 1}), ("raw", {"a": [1]}, '{"a":[1]}'), ("raw", "text", "text")],
)
def test_data_is_read_as_the_listener_says(mode: str, data: Any, wanted: Any) -> None:
    assert read_as({**GOOD, "data": data}, mode) == wanted


def test_the_envelope_is_the_whole_event() -> None:
    assert read_as(GOOD, "envelope") == GOOD
