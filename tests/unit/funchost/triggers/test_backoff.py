from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from funchost.triggers.backoff import PollingBackoff


@given(st.floats(0.1, 120), st.integers(1, 200), st.floats(0.8, 1.2))
def test_delays_stay_between_100_ms_and_the_maximum(maximum_s: float, polls: int, factor: float) -> None:
    backoff = PollingBackoff(timedelta(seconds=maximum_s), lambda low, high: factor)
    delays = [backoff.next_delay_s() for _ in range(polls)]
    assert delays[0] == 0.1
    assert delays == sorted(delays)
    assert delays[-1] <= max(0.1, timedelta(seconds=maximum_s).total_seconds())


def test_empty_polls_wait_as_long_as_those_of_the_official_host() -> None:
    backoff = PollingBackoff(timedelta(seconds=1), lambda low, high: 1.0)
    assert [round(backoff.next_delay_s(), 3) for _ in range(7)] == [0.1, 0.2, 0.3, 0.5, 0.9, 1.0, 1.0]


def test_a_message_starts_it_over() -> None:
    backoff = PollingBackoff(timedelta(minutes=1), lambda low, high: 1.0)
    for _ in range(5):
        backoff.next_delay_s()
    backoff.found()
    assert backoff.next_delay_s() == 0.1
