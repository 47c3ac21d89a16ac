"""Times in tokens (NumericDate of RFC 7519 section 2): seconds since 1970."""

from collections.abc import Mapping
from typing import Any

LATEST = 253_402_300_799
"""The end of the year 9999, the last moment that `datetime` and `timedelta` can still be asked about."""


def is_numeric_date(value: object) -> bool:
    """Whether a claim is a time that can be compared: no bool, no NaN, no number beyond all calendars."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LATEST


def begins_after(claims: Mapping[str, Any], latest: float) -> bool:
    """Whether a token's `nbf` or `iat` is later than this, or no time at all; both may be missing."""
    return any(
        name in claims and (not is_numeric_date(claims[name]) or claims[name] > latest) for name in ("nbf", "iat")
    )
