from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.triggers.schedule import is_worth_monitoring, parse_schedule, time_zone

_MONDAY = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("*/5 * * * * *", datetime(2026, 11, 23, 12, 0, 35, tzinfo=UTC)),
        ("0 */5 * * * *", datetime(2026, 11, 23, 12, 5, tzinfo=UTC)),
        ("15 0 9 * * 1-5", datetime(2026, 11, 24, 9, 0, 15, tzinfo=UTC)),
        ("0 0 0 * Jan Sun", datetime(2027, 1, 3, tzinfo=UTC)),
        ("0 0 0 13 * 5", datetime(2027, 8, 13, tzinfo=UTC)),  # both day fields must hold: a Friday the 13th
        ("*/5 * * * *", datetime(2026, 11, 23, 12, 5, tzinfo=UTC)),  # five fields: no seconds
        ("01:30:00", datetime(2026, 11, 23, 13, 30, 30, tzinfo=UTC)),
    ],
)
def test_due_times(expression: str, due: datetime) -> None:
    assert parse_schedule(expression).after(_MONDAY) == due


@given(st.integers(0, 10**9))
def test_the_next_due_time_is_always_later(seconds: int) -> None:
    moment = _MONDAY + timedelta(seconds=seconds)
    assert parse_schedule("0 30 9 * * *").after(moment) > moment


def test_cron_follows_the_wall_clock_of_the_zone() -> None:
    due = parse_schedule("0 0 9 * * *", ZoneInfo("Europe/Berlin")).after(_MONDAY)
    assert due == datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "* * *", "60 * * * * *", "@daily", "* * * * * * *", "0 0 0 L * *", "00:00:00"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_schedule(text)


def test_only_schedules_of_a_minute_and_more_are_monitored() -> None:
    assert is_worth_monitoring(parse_schedule("0 * * * * *"), _MONDAY)
    assert not is_worth_monitoring(parse_schedule("*/30 * * * * *"), _MONDAY)


def test_the_zone_is_that_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBSITE_TIME_ZONE", raising=False)
    assert time_zone() is UTC
    monkeypatch.setenv("WEBSITE_TIME_ZONE", "Europe/Berlin")
    assert time_zone().utcoffset(_MONDAY.replace(tzinfo=None)) == timedelta(hours=1)
    monkeypatch.setenv("WEBSITE_TIME_ZONE", "Mars/Crater")
    with pytest.raises(ValueError, match="Mars/Crater"):
        time_zone()
