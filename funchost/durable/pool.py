"""A bounded number of coroutines at work, the rest in line, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

Job = Callable[[], Coroutine[Any, Any, None]]


class Pool:
    """Runs jobs, at most `limit` at once. Must be used on one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = max(1, limit)
        self._line: deque[Job] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def __len__(self) -> int:
        return len(self._line) + len(self._tasks)

    def submit(self, job: Job) -> None:
        """Run `job` as soon as there is room; dropped when the pool has stopped."""
        if not self._stopped:
            self._line.append(job)
            self._fill()

    async def stop(self, timeout_s: float) -> None:
        """Start nothing more, wait for what runs, cancel what still runs after `timeout_s`."""
        self._stopped = True
        self._line.clear()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _fill(self) -> None:
        while self._line and len(self._tasks) < self._limit:
            task = asyncio.create_task(self._line.popleft()())
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "A durable job ended with an error", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)
        self._fill()
