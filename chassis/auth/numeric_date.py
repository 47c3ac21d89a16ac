"""Times in tokens (NumericDate of RFC 7519 section 2): seconds since 1970."""

LATEST = 253_402_300_799
"""The end of the year 9999, the last moment that `datetime` and `timedelta` can still be asked about."""


def is_numeric_date(value: object) -> bool:
    """Whether a claim is a time that can be compared: no bool, no NaN, no number beyond all calendars."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LATEST
