""".NET TimeSpan texts, as host.json and timer schedules hold them."""

import re
from datetime import timedelta

_TIMESPAN = re.compile(
    r"(?P<sign>-)?(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{1,2})"
    r"(?::(?P<seconds>\d{1,2})(?:\.(?P<fraction>\d{1,7}))?)?"
)


def parse_timespan(text: str) -> timedelta:
    """`[-][d.]hh:mm[:ss[.fffffff]]` as a timedelta (tenths of microseconds are dropped).

    Raises ValueError when the text is anything else, or an hour, minute or second is out of range.
    """
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time span such as 00:05:00")
    hours, minutes, seconds = (int(match[part] or 0) for part in ("hours", "minutes", "seconds"))
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(f"{text!r} is not a time span: at most 23 hours, 59 minutes and 59 seconds")
    microseconds = int((match["fraction"] or "0").ljust(7, "0")[:6])
    span = timedelta(
        days=int(match["days"] or 0),
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        microseconds=microseconds,
    )
    return -span if match["sign"] else span


def is_timespan(text: str) -> bool:
    """Whether the text looks like a time span rather than a cron expression or a setting."""
    return _TIMESPAN.fullmatch(text.strip()) is not None
