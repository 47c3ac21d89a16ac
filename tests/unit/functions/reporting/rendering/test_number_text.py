"""Numbers as people read them."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.reporting.rendering.number_text import column_texts, decimals_of, heading_lines, number_text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234567, 0, "1,234,567"),
        (-12.5, 2, "−12.50"),
        (-0.001, 2, "0.00"),
        (0, 0, "0"),
        (float("nan"), 2, "NaN"),
        (float("-inf"), 2, "−∞"),
    ],
)
def test_a_number_has_thousands_separators_and_a_true_minus(value: float, decimals: int, text: str) -> None:
    assert number_text(value, decimals) == text


def test_a_year_is_not_grouped() -> None:
    assert number_text(2013, 0, grouped=False) == "2013"


def test_all_numbers_of_a_column_have_the_same_decimals() -> None:
    assert column_texts([1.0, 2.345, None]) == ["1.00", "2.35", None]


def test_a_column_of_whole_floats_shows_no_decimals() -> None:
    assert column_texts([1.0, 1500.0]) == ["1", "1,500"]


def test_small_shares_keep_four_decimals() -> None:
    assert decimals_of([0.1234567, 0.2]) == 4


def test_booleans_and_dates_read_as_words_and_iso_dates() -> None:
    assert column_texts([True, False]) == ["yes", "no"]
    assert column_texts([date(2013, 1, 2), datetime(2013, 1, 2, 3, 4, 5, tzinfo=UTC)]) == [
        "2013-01-02",
        "2013-01-02 03:04:05+00:00",
    ]


@given(st.integers(-(10**15), 10**15))
def test_a_grouped_whole_number_reads_back_as_itself(value: int) -> None:
    assert int(number_text(value, 0).replace(",", "").replace("−", "-")) == value


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]) | st.just(" "), min_size=1), st.integers(0, 60))
def test_a_heading_in_lines_has_all_its_words_and_none_cut(label: str, longest: int) -> None:
    lines = heading_lines(label, longest)
    assert " ".join(lines).split() == label.split()
    assert all(len(line) <= max(16, longest) or " " not in line.strip() for line in lines)
