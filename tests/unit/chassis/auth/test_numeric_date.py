import pytest

from chassis.auth.numeric_date import is_numeric_date


@pytest.mark.parametrize("value", [0, 1_800_000_000, 1_800_000_000.5, 253_402_300_799])
def test_a_number_of_seconds_is_a_time(value: object) -> None:
    assert is_numeric_date(value)


@pytest.mark.parametrize(
    "value", [None, True, "1800000000", -1, 10**30, 10**400, float("inf"), float("-inf"), float("nan"), [1]]
)
def test_what_can_not_be_compared_with_a_moment_is_none(value: object) -> None:
    assert not is_numeric_date(value)
