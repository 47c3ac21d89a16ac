"""The timer trigger's listener."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from azure.functions.meta import Datum

from funchost.converters import decode
from funchost.function import BoundFunction
from funchost.invoker import Invoker
from funchost.triggers.schedule import IntervalSchedule, Schedule, is_worth_monitoring
from funchost.triggers.singleton import Lock
from funchost.triggers.timer_status import TimerStatus, TimerStatusStore

_LONGEST_SLEEP_S = 60.0  # a clock that jumps is noticed within a minute
_READ_AGAIN_S = 5.0
log = logging.getLogger("Host.Timers")


class _Stopping(Exception):
    """The host stops."""


class TimerListener:
    """Fires one function on its schedule, never twice at once; with a lock, in one host of the app at a time."""

    def __init__(
        self,
        function: BoundFunction,
        invoker: Invoker,
        schedule: Schedule,
        store: TimerStatusStore,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        lock: Lock | None = None,
    ) -> None:
        trigger = function.definition.trigger
        self._function = function
        self._invoker = invoker
        self._schedule = schedule
        self._now = now
        self._lock = lock
        self._run_on_startup = trigger.properties.get("runOnStartup") is True
        wants_monitor = trigger.properties.get("useMonitor") is not False
        self._store = store if wants_monitor and is_worth_monitoring(schedule, now()) else None
        self._stopping = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to wait; a run that was missed while the host was down fires at once, as past due."""
        self._loop = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Fire no more."""
        self._stopping.set()

    async def drained(self) -> None:
        """Return when the run in progress has ended."""
        if self._loop is not None:
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _listen(self) -> None:
        if self._lock is not None and not await self._lock.acquire(self._stopping):
            return
        try:
            await self._run_schedule()
        finally:
            if self._lock is not None:
                await self._lock.release()

    async def _run_schedule(self) -> None:
        status = await self._begin(fires=self._run_on_startup)
        while status is not None and await self._wait_until(status.next):
            if self._lock is not None and not self._lock.is_held:
                if not await self._lock.acquire(self._stopping):
                    return
                status = await self._begin(fires=False)  # another host may have run what came due meanwhile
                continue
            status = await self._fire(status, is_past_due=False)

    async def _begin(self, *, fires: bool) -> TimerStatus | None:
        """Go on from what was stored; a run that was missed, by whichever host, fires now. None when stopping."""
        try:
            status = await self._read()
        except _Stopping:
            return None
        is_past_due = status is not None and status.next < self._now()
        if is_past_due or fires:
            return await self._fire(status or TimerStatus(None, self._now()), is_past_due=is_past_due)
        return await self._resumed(status)

    async def _read(self) -> TimerStatus | None:
        """The stored status, as soon as it can be read. Raises _Stopping when the host stops first."""
        is_told = False
        while self._store is not None:
            try:
                return await self._store.read()
            except OSError as error:
                if not is_told:
                    log.warning("The timer %s waits for its status: %s", self._function.name, error)
                is_told = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _READ_AGAIN_S)
                raise _Stopping
        return None

    async def _resumed(self, stored: TimerStatus | None) -> TimerStatus:
        """An interval goes on from the last run; a cron expression is asked anew, as it may have been edited."""
        if stored is not None and isinstance(self._schedule, IntervalSchedule):
            return stored
        return await self._planned(stored.last if stored else None)

    async def _planned(self, last: datetime | None) -> TimerStatus:
        status = TimerStatus(last, self._schedule.after(self._now()))
        if self._store is not None:
            try:
                await self._store.write(status)
            except OSError as error:
                log.warning("The status of the timer %s is not kept: %s", self._function.name, error)
        return status

    async def _wait_until(self, due: datetime) -> bool:
        """Whether the time came; False when the host stops first."""
        while not self._stopping.is_set():
            remaining_s = (due - self._now()).total_seconds()
            if remaining_s <= 0:
                return True
            try:
                await asyncio.wait_for(self._stopping.wait(), min(remaining_s, _LONGEST_SLEEP_S))
            except TimeoutError:
                continue
        return False

    async def _fire(self, status: TimerStatus, *, is_past_due: bool) -> TimerStatus:
        started = self._now()
        trigger = self._function.plan.trigger
        value = decode(trigger.converter, timer_datum(status, is_past_due), {}, f"parameter {trigger.name}")
        try:
            await self._invoker.execute(self._function, value, {}, self._function.new_context())
        except Exception:  # noqa: BLE001 (the trigger's edge; the invoker has logged it, the next run is due as planned)
            log.debug("The timer %s goes on after a failure", self._function.name)
        return await self._planned(started)


def timer_datum(status: TimerStatus, is_past_due: bool) -> Datum:
    """The JSON that the official host hands to a timer function."""
    last = status.last.isoformat() if status.last else "0001-01-01T00:00:00+00:00"
    value = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {"Last": last, "LastUpdated": last, "Next": status.next.isoformat()},
        "IsPastDue": is_past_due,
    }
    return Datum(json.dumps(value), "json")
