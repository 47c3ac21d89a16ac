"""Numbers and dates as people read them in a table."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from textwrap import wrap
from typing import Any

ABSENT = "–"
HEADING_CHARACTERS = 16


def decimals_of(values: Iterable[float | Decimal | None]) -> int:
    """How many decimals one column needs so that its values line up: 0 to 4."""
    present = [float(value) for value in values if value is not None and isfinite(value)]
    if all(value == round(value) for value in present):
        return 0
    largest = max(abs(value) for value in present)
    return 4 if largest < 1 else 2


def excel_format(decimals: int) -> str:
    """Excel's format for numbers with thousands separators."""
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def number_text(value: float | Decimal, decimals: int, grouped: bool = True) -> str:
    """A number with thousands separators and a true minus sign; NaN and infinities by name."""
    if not isfinite(value):
        return "NaN" if value != value else ("∞" if value > 0 else "−∞")
    text = f"{value:,.{decimals}f}" if grouped else f"{value:.{decimals}f}"
    zero = not text.strip("-0.,")
    return text.lstrip("-") if zero else text.replace("-", "−")


def heading_lines(label: str, longest_value: int) -> list[str]:
    """A column's heading in lines about as long as its values are, so that it does not make the column wide."""
    width = max(HEADING_CHARACTERS, longest_value)
    return wrap(label, width, break_long_words=False, break_on_hyphens=False) or [label]


def column_texts(values: Sequence[Any], grouped: bool = True) -> list[str | None]:
    """The texts of one column, all numbers in it with the same decimals; None stays None."""
    numbers = [value for value in values if _is_number(value)]
    decimals = decimals_of(numbers) if numbers else 0
    return [None if value is None else _text(value, decimals, grouped) for value in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _text(value: Any, decimals: int, grouped: bool) -> str:
    if _is_number(value):
        return number_text(value, decimals, grouped)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
