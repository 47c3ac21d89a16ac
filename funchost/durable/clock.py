"""Time for the engine: the one place that reads a clock or waits for one."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# A sleeping loop timer does not notice that the wall clock was set; look again at least this often.
_LONGEST_NAP = timedelta(seconds=60)


class Alarm(ABC):
    """A pending wake-up."""

    @abstractmethod
    def cancel(self) -> None:
        """Forget the wake-up; harmless when it already happened."""


class Clock(ABC):
    """A source of time that can also wake the engine."""

    @abstractmethod
    def now(self) -> datetime:
        """The current time, timezone-aware, in UTC."""

    @abstractmethod
    def call_at(self, when: datetime, callback: Callable[[], None]) -> Alarm:
        """Run `callback` on the event loop at `when` or soon after; at once when `when` has passed."""

    async def sleep(self, pause: timedelta) -> None:
        """Wait for `pause`."""
        over = asyncio.Event()
        alarm = self.call_at(self.now() + pause, over.set)
        try:
            await over.wait()
        finally:
            alarm.cancel()


class _LoopAlarm(Alarm):
    def __init__(self, clock: SystemClock, when: datetime, callback: Callable[[], None]) -> None:
        self._clock, self._when, self._callback = clock, when, callback
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._arm()

    def _arm(self) -> None:
        nap = max(timedelta(0), min(self._when - self._clock.now(), _LONGEST_NAP))
        self._handle = self._loop.call_later(nap.total_seconds(), self._ring)

    def _ring(self) -> None:
        if self._clock.now() < self._when:
            self._arm()
        else:
            self._callback()

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()


class SystemClock(Clock):
    """The machine's wall clock; a jump of it is noticed within a minute."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Alarm:
        return _LoopAlarm(self, when, callback)
