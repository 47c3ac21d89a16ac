from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.timespan import is_timespan, parse_timespan


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999_999))
def test_every_field_counts(days: int, hours: int, minutes: int, seconds: int, microseconds: int) -> None:
    text = f"{days}.{hours:02}:{minutes:02}:{seconds:02}.{microseconds:06}"
    assert parse_timespan(text) == timedelta(days, seconds, microseconds, 0, minutes, hours)


def test_a_minus_sign_turns_it_round() -> None:
    assert parse_timespan("-00:01:00") == timedelta(minutes=-1)


@pytest.mark.parametrize("text", ["", "5", "24:00:00", "00:60:00", "00:00:60", "1:2:3:4", "*/5 * * * * *", "00:00:01x"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time span"):
        parse_timespan(text)


def test_cron_expressions_do_not_look_like_time_spans() -> None:
    assert is_timespan("00:05:00")
    assert not is_timespan("0 */5 * * * *")
