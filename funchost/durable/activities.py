"""The activity worker: runs scheduled activities and records each result once.

An activity that was running when the process died runs again; what it returned is recorded by whoever is first.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from funchost.durable.backend import ActivityTask, Backend, HubCorrupt, Message, StorageUnavailable
from funchost.durable.clock import Clock
from funchost.durable.errors import UnknownFunction
from funchost.durable.events import EventType, HistoryEvent, format_time
from funchost.durable.http_calls import HTTP_ACTIVITY, POLL_AGAIN_AFTER, HttpCall, HttpSender, next_poll, send
from funchost.durable.pool import Pool
from funchost.durable.wire import describe, encode_result

Invoke = Callable[[str, str, str | None], Awaitable[Any]]

T = TypeVar("T")

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
        *,
        http: HttpSender = send,
        poll_pause: timedelta = POLL_AGAIN_AFTER,
    ) -> None:
        self._send, self._poll_pause = http, poll_pause
        self._rewinds: Counter[str] = Counter()
        self._backend, self._invoke, self._functions = backend, invoke, functions
        self._clock, self._deliver = clock, deliver
        self._pool = Pool(concurrency)

    def __len__(self) -> int:
        return len(self._pool)

    def submit(self, task: ActivityTask) -> None:
        """Run an activity that the backend has stored."""
        self._pool.submit(partial(self._run, task, self._rewinds[task.key.instance_id]))

    def disown(self, instance_id: str) -> None:
        """Record no result of what runs for an instance that is rewound: its numbers are given anew."""
        self._rewinds[instance_id] += 1

    async def stop(self, timeout_s: float) -> None:
        """Start no more; let those at work end. What did not end runs again after a restart."""
        await self._pool.stop(timeout_s)

    async def _run(self, task: ActivityTask, rewinds: int) -> None:
        event = await (self._call(task) if task.name == HTTP_ACTIVITY else self._execute(task))
        if event is None or self._rewinds[task.key.instance_id] != rewinds:
            return
        message = Message(task.key.instance_id, event, task.key.execution_id)
        try:
            stored = await self._store(task, lambda: self._backend.record_result(task.key, message))
        except HubCorrupt as error:
            _log.error("The result of activity '%s' is lost, it runs again: %s", task.name, error)
            return
        if stored is not None:
            self._deliver(stored)

    async def _store(self, task: ActivityTask, write: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await write()
            except StorageUnavailable as error:
                _log.warning("The result of activity '%s' was not stored and is tried again: %s", task.name, error)
                await self._clock.sleep(_RECORD_AGAIN_AFTER)

    async def _call(self, task: ActivityTask) -> HistoryEvent | None:
        """Make an HTTP call; None when the answer is to be asked for later."""
        try:
            call = HttpCall.read(task.input)
            if call.not_before is not None and call.not_before > self._clock.now():
                self._later(task, call.not_before)
                return None
            answer = await self._send(call)
            poll = next_poll(call, answer, self._clock.now(), self._poll_pause)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from an answer is the orchestrator's to handle
            return self._failure(task, f"The HTTP call failed: {describe(error)}", describe(error))
        if poll is None:
            return self._event(EventType.TASK_COMPLETED, task, Result=encode_result(answer.to_value()))
        postponed = replace(task, input=poll.to_json())
        if await self._store(task, lambda: self._backend.postpone(task.key, poll.to_json())):
            self._later(postponed, poll.not_before or self._clock.now())
        return None

    def _later(self, task: ActivityTask, when: datetime) -> None:
        self._clock.call_at(when, partial(self.submit, task))

    async def _execute(self, task: ActivityTask) -> HistoryEvent:
        function = self._functions.get(task.name)
        try:
            if function is None:
                raise UnknownFunction(task.name, "activity", list(self._functions))
            returned = await self._invoke(function, task.input if task.input is not None else "null", task.trace_parent)
            return self._event(EventType.TASK_COMPLETED, task, Result=encode_result(returned))
        except Exception as error:  # noqa: BLE001 - whatever user code raises is the orchestrator's to handle
            words = describe(error)
            return self._failure(task, f"Activity function '{task.name}' failed: {words}", words)

    def _failure(self, task: ActivityTask, reason: str, details: str) -> HistoryEvent:
        return self._event(EventType.TASK_FAILED, task, Reason=reason, Details=details)

    def _event(self, kind: EventType, task: ActivityTask, **fields: str) -> HistoryEvent:
        return HistoryEvent(
            kind, format_time(self._clock.now()), fields={"TaskScheduledId": task.key.task_id, **fields}
        )
