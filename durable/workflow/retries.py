"""When a failed block is tried again: durations, backoff, limits and jitter, all of it pure."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from durable.workflow.dsl.durations import Duration, DurationInline
from durable.workflow.dsl.failures import RetryPolicy
from durable.workflow.dsl.texts import ISO_DURATION

LONGEST = timedelta(days=3650)
_UNITS = (
    timedelta(days=365),
    timedelta(days=30),
    timedelta(weeks=1),
    timedelta(days=1),
    timedelta(hours=1),
    timedelta(minutes=1),
    timedelta(seconds=1),
)

Resolve = Callable[[Duration], timedelta]


def parse_duration(text: str) -> timedelta:
    """An ISO 8601 duration; a year is 365 days, a month 30. Raises ValueError for anything else."""
    match = ISO_DURATION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not an ISO 8601 duration")
    seconds = sum(float(part) * unit.total_seconds() for part, unit in zip(match.groups(), _UNITS, strict=True) if part)
    return timedelta(seconds=min(seconds, LONGEST.total_seconds()))


def inline_duration(duration: DurationInline) -> timedelta:
    """The sum of the parts, not below zero and at most ten years."""
    seconds = (
        (duration.days or 0) * 86_400
        + (duration.hours or 0) * 3_600
        + (duration.minutes or 0) * 60
        + (duration.seconds or 0)
        + (duration.milliseconds or 0) / 1000
    )
    return timedelta(seconds=min(max(seconds, 0), LONGEST.total_seconds()))


def next_delay(policy: RetryPolicy, retry: int, elapsed: timedelta, resolve: Resolve, seed: str) -> timedelta | None:
    """How long to wait before retry number `retry` (from 1); None when the policy's limits are used up.

    Without any limit a block is tried again for ever, as the specification has it. `seed` makes the jitter: the same
    seed gives the same delay, so that replays are equal.
    """
    limit = policy.limit
    if limit and limit.attempt and limit.attempt.count is not None and retry > limit.attempt.count:
        return None
    delay = _grown(policy, retry, resolve) + _jitter(policy, resolve, f"{seed}:{retry}")
    if limit and limit.duration is not None and elapsed + delay > resolve(limit.duration):
        return None
    return min(delay, LONGEST)


def _grown(policy: RetryPolicy, retry: int, resolve: Resolve) -> timedelta:
    base = resolve(policy.delay) if policy.delay is not None else timedelta()
    backoff = policy.backoff
    if backoff is None or backoff.constant is not None:
        return base
    factor = retry if backoff.linear is not None else 2.0 ** min(retry - 1, 60)
    return timedelta(seconds=min(base.total_seconds() * factor, LONGEST.total_seconds()))


def _jitter(policy: RetryPolicy, resolve: Resolve, seed: str) -> timedelta:
    if policy.jitter is None:
        return timedelta()
    low, high = resolve(policy.jitter.from_), resolve(policy.jitter.to)
    share = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") / 2**32
    return low + (high - low) * share
