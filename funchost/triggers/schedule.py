"""When a timer fires: NCRONTAB expressions and time spans."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from funchost.timespan import is_timespan, parse_timespan

# NCRONTAB has numbers, names, *, ranges, steps and lists; croniter would take more (L, #, H, R).
_VALUE = r"(?:\d+|[A-Za-z]{3,9})"
_ITEM = rf"(?:\*|{_VALUE}(?:-{_VALUE})?)(?:/\d+)?"
_FIELD = re.compile(rf"{_ITEM}(?:,{_ITEM})*")
_LONG_ENOUGH_TO_MONITOR = timedelta(minutes=1)  # the official host monitors no shorter schedules


class Schedule(Protocol):
    """Yields due times; all times are UTC."""

    def after(self, moment: datetime) -> datetime:
        """The first due time after the moment."""
        ...


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """NCRONTAB: six fields, seconds first; or five, as the official host accepts them too."""

    expression: str
    zone: tzinfo

    def after(self, moment: datetime) -> datetime:
        """The first due time after the moment, in the wall time of the zone."""
        from croniter import croniter

        iterator = croniter(
            self.expression,
            moment.astimezone(self.zone),
            second_at_beginning=True,
            day_or=False,  # NCRONTAB wants both day fields to hold, Vixie cron either
        )
        due: datetime = iterator.get_next(datetime)  # type: ignore[no-untyped-call]
        return due.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class IntervalSchedule:
    """Every so often after the last run."""

    interval: timedelta

    def after(self, moment: datetime) -> datetime:
        """The moment plus the interval."""
        return moment + self.interval


def time_zone() -> tzinfo:
    """The zone of WEBSITE_TIME_ZONE, else UTC, as on Azure. Raises ValueError for an unknown zone."""
    name = os.environ.get("WEBSITE_TIME_ZONE")
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"WEBSITE_TIME_ZONE {name!r} is not a time zone such as Europe/Berlin") from None


def parse_schedule(text: str, zone: tzinfo = UTC) -> Schedule:
    """The schedule of a timer trigger. Raises ValueError when the text is neither NCRONTAB nor a time span."""
    if is_timespan(text):
        interval = parse_timespan(text)
        if interval <= timedelta(0):
            raise ValueError(f"{text!r} must be longer than nothing")
        return IntervalSchedule(interval)
    fields = text.split()
    if len(fields) not in (5, 6) or not all(_FIELD.fullmatch(field) for field in fields):
        raise ValueError(f"{text!r} is neither NCRONTAB (second minute hour day month weekday) nor a time span")
    schedule = CronSchedule(" ".join(fields), zone)
    try:
        schedule.after(datetime(2026, 1, 1, tzinfo=UTC))
    except (ValueError, KeyError) as error:
        raise ValueError(f"{text!r} is not a valid NCRONTAB expression: {error}") from None
    return schedule


def is_worth_monitoring(schedule: Schedule, now: datetime) -> bool:
    """Whether runs are at least a minute apart."""
    first = schedule.after(now)
    return schedule.after(first) - first >= _LONG_ENOUGH_TO_MONITOR
