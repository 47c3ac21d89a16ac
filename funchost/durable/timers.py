"""Durable timers in memory: one heap, one alarm for the earliest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from heapq import heapify, heappop, heappush

from funchost.durable.backend import Message, TimerRow
from funchost.durable.clock import Alarm, Clock
from funchost.durable.events import EventType, HistoryEvent, format_time

_Key = tuple[str, str, int]
# Cancelled timers stay in the heap until they are due; clean up when they outnumber the living.
_CLEAN_ABOVE = 1000


class Timers:
    """Calls `fire` with a TimerFired message for each timer when it is due.

    The message is not stored: until the turn that takes it commits, the timer's row brings it back after a restart.
    """

    def __init__(self, clock: Clock, fire: Callable[[Message], None]) -> None:
        self._clock, self._fire = clock, fire
        self._heap: list[tuple[datetime, _Key]] = []
        self._living: dict[_Key, TimerRow] = {}
        self._alarm: Alarm | None = None
        self._alarm_at: datetime | None = None

    def __len__(self) -> int:
        return len(self._living)

    def add(self, rows: Iterable[TimerRow]) -> None:
        """Wait for these too."""
        for row in rows:
            key = (row.instance_id, row.execution_id, row.timer_id)
            self._living[key] = row
            heappush(self._heap, (row.fire_at, key))
        self._set_alarm()

    def cancel(self, instance_id: str, execution_id: str, timer_ids: Iterable[int]) -> None:
        """Forget timers; unknown and fired ones are no mistake."""
        for timer_id in timer_ids:
            self._living.pop((instance_id, execution_id, timer_id), None)
        if len(self._heap) > _CLEAN_ABOVE and len(self._heap) > 2 * len(self._living):
            self._heap = [(row.fire_at, key) for key, row in self._living.items()]
            heapify(self._heap)

    def stop(self) -> None:
        """Fire nothing more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._alarm_at = None
        self._heap.clear()
        self._living.clear()

    def _set_alarm(self) -> None:
        earliest = self._heap[0][0] if self._heap else None
        if earliest is None or (self._alarm_at is not None and self._alarm_at <= earliest):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = earliest
        self._alarm = self._clock.call_at(earliest, self._ring)

    def _ring(self) -> None:
        self._alarm = self._alarm_at = None
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            _, key = heappop(self._heap)
            row = self._living.pop(key, None)
            if row is not None:
                self._fire(_fired(row, now))
        self._set_alarm()


def _fired(row: TimerRow, now: datetime) -> Message:
    fields = {"TimerId": row.timer_id, "FireAt": format_time(row.fire_at)}
    event = HistoryEvent(EventType.TIMER_FIRED, format_time(now), fields=fields)
    return Message(row.instance_id, event, row.execution_id)
