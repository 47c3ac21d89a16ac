import pytest

from chassis.auth.numeric_date import begins_after, is_numeric_date


@pytest.mark.parametrize("value", [0, 1_800_000_000, 1_800_000_000.5, 253_402_300_799])
def test_a_number_of_seconds_is_a_time(value: object) -> None:
    assert is_numeric_date(value)


@pytest.mark.parametrize(
    "value", [None, True, "1800000000", -1, 10**30, 10**400, float("inf"), float("-inf"), float("nan"), [1]]
)
def test_what_can_not_be_compared_with_a_moment_is_none(value: object) -> None:
    assert not is_numeric_date(value)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_begins_when_nbf_and_iat_say_and_at_no_time_that_is_none(name: str) -> None:
    assert not begins_after({}, 100)
    assert not begins_after({name: 100}, 100)
    assert begins_after({name: 100.5}, 100)
    assert begins_after({name: float("nan")}, 100)
    assert begins_after({name: None}, 100)
