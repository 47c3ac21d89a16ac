"""Microseconds since the epoch as text, and back."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text_of(time: int) -> str:
    """RFC 3339 in UTC. A time outside the years 1 to 9999 is given as the nearest in them."""
    try:
        moment = EPOCH + timedelta(microseconds=time)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC) if time > 0 else datetime.min.replace(tzinfo=UTC)
    return moment.isoformat().replace("+00:00", "Z")


def time_of(moment: datetime) -> int:
    """The microseconds of a moment with an offset."""
    return (moment - EPOCH) // timedelta(microseconds=1)
