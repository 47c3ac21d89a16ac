"""functionTimeout for every invocation, at the cost of two dictionary operations each."""

import asyncio
import time
from typing import Any

_CHECK_S = 0.5  # how late a timeout may be noticed; a timer per invocation would cost more than a small function


class Deadlines:
    """Cancels invocations that run longer than the timeout (seconds; None: never)."""

    def __init__(self, timeout_s: float | None) -> None:
        self.timeout_s = timeout_s
        self._started: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> asyncio.Task[Any] | None:
        """Watch the current task from now on. A task that is watched already keeps its earlier start."""
        if self.timeout_s is None:
            return None
        task = asyncio.current_task()
        if task is None or task in self._started:
            return None
        self._started[task] = time.monotonic()
        if self._timer is None:
            self._timer = task.get_loop().call_later(_CHECK_S, self._check)
        return task

    def end(self, task: asyncio.Task[Any] | None) -> None:
        """Watch the task no longer."""
        if task is not None:
            self._started.pop(task, None)
            self._overdue.discard(task)

    def is_overdue(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether the cancellation of the task was a timeout; it then counts as handled."""
        if task is None or task not in self._overdue:
            return False
        task.uncancel()
        return True

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        latest = time.monotonic() - (self.timeout_s or 0)
        for task, started in list(self._started.items()):
            if started <= latest and task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        if self._started:
            self._timer = asyncio.get_running_loop().call_later(_CHECK_S, self._check)
