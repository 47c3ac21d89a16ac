"""The activity worker: runs scheduled activities and records each result once.

An activity that was running when the process died runs again; what it returned is recorded by whoever is first.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from funchost.durable.backend import ActivityTask, Backend, Message, StorageUnavailable
from funchost.durable.clock import Clock
from funchost.durable.errors import UnknownFunction
from funchost.durable.events import EventType, HistoryEvent, format_time
from funchost.durable.pool import Pool
from funchost.durable.wire import describe, encode_result

Invoke = Callable[[str, str, str | None], Awaitable[Any]]

_log = logging.getLogger(__name__)
_RECORD_AGAIN_AFTER = timedelta(seconds=1)


class ActivityWorker:
    """Runs activities, `concurrency` at a time, and hands each stored result to `deliver`."""

    def __init__(
        self,
        backend: Backend,
        invoke: Invoke,
        functions: Mapping[str, str],
        clock: Clock,
        concurrency: int,
        deliver: Callable[[Message], None],
    ) -> None:
        self._backend, self._invoke, self._functions = backend, invoke, functions
        self._clock, self._deliver = clock, deliver
        self._pool = Pool(concurrency)

    def __len__(self) -> int:
        return len(self._pool)

    def submit(self, task: ActivityTask) -> None:
        """Run an activity that the backend has stored."""
        self._pool.submit(partial(self._run, task))

    async def stop(self, timeout_s: float) -> None:
        """Start no more; let those at work end. What did not end runs again after a restart."""
        await self._pool.stop(timeout_s)

    async def _run(self, task: ActivityTask) -> None:
        event = await self._execute(task)
        message = Message(task.key.instance_id, event, task.key.execution_id)
        while True:
            try:
                stored = await self._backend.record_result(task.key, message)
            except StorageUnavailable as error:
                _log.warning("The result of activity '%s' was not stored and is tried again: %s", task.name, error)
                await self._clock.sleep(_RECORD_AGAIN_AFTER)
            else:
                break
        if stored is not None:
            self._deliver(stored)

    async def _execute(self, task: ActivityTask) -> HistoryEvent:
        function = self._functions.get(task.name)
        try:
            if function is None:
                raise UnknownFunction(task.name, "activity", list(self._functions))
            returned = await self._invoke(function, task.input if task.input is not None else "null", task.trace_parent)
            return self._event(EventType.TASK_COMPLETED, task, Result=encode_result(returned))
        except Exception as error:  # noqa: BLE001 - whatever user code raises is the orchestrator's to handle
            words = describe(error)
            reason = f"Activity function '{task.name}' failed: {words}"
            return self._event(EventType.TASK_FAILED, task, Reason=reason, Details=words)

    def _event(self, kind: EventType, task: ActivityTask, **fields: str) -> HistoryEvent:
        return HistoryEvent(
            kind, format_time(self._clock.now()), fields={"TaskScheduledId": task.key.task_id, **fields}
        )
