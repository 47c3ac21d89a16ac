"""When a schedule runs next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.workflow.dsl.definition import Schedule
from durable.workflow.schedules import NotASchedule, check_schedule, first_run, next_run, pause

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
TIMES = st.integers(0, 31_536_000).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


def schedule(**parts: object) -> Schedule:
    return Schedule.model_validate(parts)


@given(TIMES, TIMES, st.integers(1, 100_000))
def test_every_keeps_its_beat_and_skips_what_has_passed(tick: datetime, now: datetime, seconds: int) -> None:
    following = next_run(schedule(every={"seconds": seconds}), tick, now)
    assert following is not None
    assert (following - tick) % timedelta(seconds=seconds) == timedelta()
    assert following > now or following == tick + timedelta(seconds=seconds)
    assert following - max(now, tick) <= timedelta(seconds=seconds)


def test_every_runs_first_after_one_interval() -> None:
    assert first_run(schedule(every="PT10S"), NOW) == NOW + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("cron", "wanted"),
    [
        ("0 0 * * *", "2026-03-02T00:00"),
        ("*/15 9-17 * * mon-fri", "2026-03-02T09:00"),
        ("1 12 1 3 *", "2026-03-01T12:01"),
    ],
)
def test_cron_is_five_fields_in_utc(cron: str, wanted: str) -> None:
    assert next_run(schedule(cron=cron), NOW, NOW) == datetime.fromisoformat(f"{wanted}+00:00")


def test_after_runs_at_once_and_then_after_each_end() -> None:
    after = schedule(after={"minutes": 5})
    assert first_run(after, NOW) == NOW
    assert next_run(after, NOW, NOW) is None
    assert pause(after) == timedelta(minutes=5)


@pytest.mark.parametrize(
    "parts",
    [
        {"cron": "61 * * * *"},
        {"cron": "* * * * * *"},
        {"cron": "0 0 30 2 *"},
        {"cron": "R * * * *"},
        {"cron": "@daily"},
        {"cron": ""},
        {"every": "PT0S"},
        {"every": "PT1S", "after": "PT1S"},
        {"every": "${ .n }"},
    ],
)
def test_what_is_no_schedule_is_refused(parts: dict[str, object]) -> None:
    with pytest.raises(NotASchedule):
        check_schedule(schedule(**parts))
