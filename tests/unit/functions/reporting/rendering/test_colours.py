"""What colour a heatmap's number has."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.reporting.rendering.chart_data import ChartData
from functions.reporting.rendering.colours import DEEP, HIGH, NEUTRAL, PALE, blend, dark_fields, scale_of

NUMBERS = st.floats(-1e9, 1e9)


def heatmap_of(values: Sequence[float | None]) -> ChartData:
    names = tuple(str(index) for index in range(len(values)))
    return ChartData("heatmap", "t", "x", "y", "s", "category", names, ("s",), (tuple(values),))


def test_a_small_negative_number_is_paler_than_a_great_positive_one() -> None:
    low, zero, high = scale_of(heatmap_of([-5.0, 67.0, None]))
    assert (zero, high) == ((0.0, NEUTRAL), (67.0, HIGH))
    assert low == (-5.0, "#e3e6e6")


@pytest.mark.parametrize(
    ("values", "colours", "dark"),
    [
        ([0.0, 100.0], (PALE, DEEP), (None, 75.0)),
        ([-100.0, 0.0], (DEEP, PALE), (-75.0, None)),
        ([7.0, 7.0], (PALE, DEEP), (None, 7.75)),
        ([None], (PALE, DEEP), (None, 0.75)),
    ],
)
def test_numbers_of_one_sign_go_from_pale_to_deep(
    values: list[float | None], colours: tuple[str, str], dark: tuple[float | None, float | None]
) -> None:
    data = heatmap_of(values)
    assert tuple(colour for _, colour in scale_of(data)) == colours
    assert dark_fields(data) == dark


@given(st.lists(NUMBERS, min_size=1))
def test_a_scale_ascends_over_all_numbers(values: list[float]) -> None:
    stops = [value for value, _ in scale_of(heatmap_of(values))]
    assert stops == sorted(stops)
    assert stops[0] <= min(values)
    assert max(values) <= stops[-1]


def test_colours_blend_channel_by_channel() -> None:
    assert blend("#000000", "#ff8000", 0.5) == "#804000"
