"""Circuit breaker: a target that fails is left alone for a while, so that its failure does not become ours."""

from collections.abc import Callable
from enum import StrEnum
from time import monotonic

FAILURES_TO_OPEN = 5
OPEN_FOR_S = 2.0
LONGEST_OPEN_S = 30.0


class State(StrEnum):
    """closed: calls pass; open: calls are refused; half-open: one call is tried."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """Counts failures in a row. Opens after five, tries one call after two seconds, then doubles up to thirty.

    Not for several threads: it belongs to one event loop.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._open_for_s = OPEN_FOR_S
        self._opened_at: float | None = None
        self._trying = False

    @property
    def state(self) -> State:
        """The state at this moment."""
        if self._opened_at is None:
            return State.CLOSED
        return State.OPEN if self._clock() - self._opened_at < self._open_for_s else State.HALF_OPEN

    def admit(self) -> bool:
        """Whether a call may be made now; in half-open state only the first asker may."""
        state = self.state
        if state is State.HALF_OPEN and not self._trying:
            self._trying = True
            return True
        return state is State.CLOSED

    def succeeded(self) -> None:
        """The target answered: close."""
        self._failures, self._opened_at, self._trying, self._open_for_s = 0, None, False, OPEN_FOR_S

    def failed(self) -> None:
        """The target did not answer, or answered that it can't."""
        if self._opened_at is not None:
            self._open_for_s = min(self._open_for_s * 2, LONGEST_OPEN_S)
        self._failures += 1
        self._trying = False
        if self._failures >= FAILURES_TO_OPEN:
            self._opened_at = self._clock()

    def abandoned(self) -> None:
        """The admitted call ended without a verdict (cancelled): let another one try."""
        self._trying = False
