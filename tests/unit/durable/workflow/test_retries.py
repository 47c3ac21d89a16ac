"""Delays of retries: pure, bounded, and as the policy says."""

from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.workflow.dsl.durations import DurationInline
from durable.workflow.dsl.failures import RetryPolicy
from durable.workflow.retries import LONGEST, inline_duration, next_delay, parse_duration


def resolve(value: object) -> timedelta:
    return inline_duration(value) if isinstance(value, DurationInline) else parse_duration(str(value))


def policy(**parts: object) -> RetryPolicy:
    return RetryPolicy.model_validate({"delay": {"seconds": 3}, **parts})


@pytest.mark.parametrize(
    ("backoff", "seconds"),
    [({}, [3, 3, 3]), ({"constant": {}}, [3, 3, 3]), ({"linear": {}}, [3, 6, 9]), ({"exponential": {}}, [3, 6, 12])],
)
def test_delays_grow_as_the_backoff_says(backoff: dict[str, object], seconds: list[int]) -> None:
    made = policy(backoff=backoff) if backoff else policy()
    delay = partial(next_delay, made, elapsed=timedelta(), resolve=resolve, seed="s")
    assert [delay(retry=n) for n in (1, 2, 3)] == [timedelta(seconds=s) for s in seconds]


def test_limits_end_the_retries() -> None:
    counted = policy(limit={"attempt": {"count": 2}})
    assert next_delay(counted, 2, timedelta(), resolve, "s") is not None
    assert next_delay(counted, 3, timedelta(), resolve, "s") is None
    timed = policy(limit={"duration": "PT10S"})
    assert next_delay(timed, 1, timedelta(seconds=7), resolve, "s") is not None
    assert next_delay(timed, 1, timedelta(seconds=8), resolve, "s") is None


@given(st.integers(1, 10_000), st.text(max_size=20))
def test_jitter_stays_in_its_range_and_is_the_same_for_the_same_seed(retry: int, seed: str) -> None:
    made = policy(jitter={"from": {"seconds": 1}, "to": {"seconds": 2}})
    delay = next_delay(made, retry, timedelta(), resolve, seed)
    assert delay == next_delay(made, retry, timedelta(), resolve, seed)
    assert delay is not None
    assert timedelta(seconds=4) <= delay <= timedelta(seconds=5)


@given(st.integers(1, 10**9))
def test_no_delay_is_longer_than_ten_years(retry: int) -> None:
    delay = next_delay(policy(backoff={"exponential": {}}), retry, timedelta(), resolve, "s")
    assert delay is not None
    assert delay <= LONGEST


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_iso_durations_are_the_sum_of_their_parts(days: int, hours: int, seconds: int) -> None:
    parsed = parse_duration(f"P{days}DT{hours}H{seconds}S")
    assert parsed == timedelta(days=days, hours=hours, seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "1S", "P1S", "PT1S ", "-PT1S", "P١D"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an ISO 8601"):
        parse_duration(text)
