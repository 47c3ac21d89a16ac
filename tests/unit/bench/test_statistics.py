"""How repeated measurements are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics import Spread, percentile

VALUES = st.lists(st.floats(min_value=0, max_value=1e9), min_size=1, max_size=200)


@given(VALUES)
def test_the_median_lies_between_the_smallest_and_the_largest(values: list[float]) -> None:
    spread = Spread.of(values)
    assert min(values) == spread.smallest <= spread.median <= spread.largest == max(values)


@given(VALUES, st.floats(min_value=0, max_value=1))
def test_a_percentile_is_one_of_the_values_and_leaves_its_share_below(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value < found for value in values) <= share * len(values)


def test_the_99th_of_a_hundred_is_the_largest() -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], 0.99) == 100


def test_there_is_nothing_to_tell_of_no_values() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Spread.of([])
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)
