"""How long to wait before asking an empty queue again."""

import random
from collections.abc import Callable
from datetime import timedelta

_MINIMUM_S = 0.1  # QueuePollingIntervals.Minimum of the Storage Queues extension


class PollingBackoff:
    """The randomized exponential back-off of the official queue listener (RandomizedExponentialBackoffStrategy).

    The first empty poll waits 100 ms, the nth after it 100 ms + 2^(n-1) * 100 ms * [0.8, 1.2), never more than the
    maximum; a message found starts it over. `uniform` draws the random factor.
    """

    def __init__(self, maximum: timedelta, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._maximum_s = max(_MINIMUM_S, maximum.total_seconds())
        self._uniform = uniform
        self._empty_polls = 0

    def found(self) -> None:
        """A message was found."""
        self._empty_polls = 0

    def next_delay_s(self) -> float:
        """Seconds to wait after one more empty poll."""
        doublings = min(self._empty_polls - 1, 32)
        self._empty_polls += 1
        increment = 0.0 if doublings < 0 else 2.0**doublings * _MINIMUM_S * self._uniform(0.8, 1.2)
        return min(self._maximum_s, _MINIMUM_S + increment)
