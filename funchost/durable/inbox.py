"""Which waiting messages the next turn of an orchestration may take. Pure.

Two rules come from the SDK's replay (models/Task.py):

- An event that is raised before anything waits for it stays here until something does. (In the history it would be
  delivered again to every later wait of that name: azure-functions-durable-python issue 507.)
- A retry gets its sequence number when its cause is replayed, before the code runs on. So in one turn such causes
  come first; after an event on which the code may have run on, the next one waits for a turn of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from funchost.durable.backend import Message
from funchost.durable.events import EventType
from funchost.durable.state import RuntimeState, Status

_SWITCHES = {EventType.EXECUTION_SUSPENDED: False, EventType.EXECUTION_RESUMED: True}
_SUCCESSES = frozenset({EventType.TASK_COMPLETED, EventType.SUB_ORCHESTRATION_COMPLETED})
_FAILURES = frozenset({EventType.TASK_FAILED, EventType.SUB_ORCHESTRATION_FAILED})


@dataclass(slots=True)
class Choice:
    """Messages for the next turn, in order, and messages that will never mean anything again."""

    taken: list[Message] = field(default_factory=list)
    stale: list[Message] = field(default_factory=list)


def choose(state: RuntimeState, waiting: Iterable[Message]) -> Choice:
    """Pick from `waiting` (in order of arrival) what the next turn takes; what it names in neither list stays."""
    waiting = list(waiting)
    for message in waiting:
        if message.event.type is EventType.EXECUTION_TERMINATED:
            return Choice([message])
    chooser = _Chooser(state)
    for message in waiting:
        if not chooser.offer(message):
            break
    return chooser.choice


class _Chooser:
    def __init__(self, state: RuntimeState) -> None:
        self.choice = Choice()
        self._state = state
        self._open_tasks = set(state.tasks)
        self._open_timers = set(state.timers)
        self._waits = Counter(state.waits)
        self._code_ran_on = False

    def offer(self, message: Message) -> bool:
        """Place one message; False when the turn ends before it."""
        kind = message.event.type
        if self._is_stale(message):
            self.choice.stale.append(message)
            return True
        if kind in _SWITCHES:
            return self._switch(message)
        if self._state.status is Status.SUSPENDED:
            return True
        if kind is EventType.EVENT_RAISED:
            self._take_event(message)
            return True
        return self._take(message)

    def _is_stale(self, message: Message) -> bool:
        event, state = message.event, self._state
        if event.type is EventType.EXECUTION_STARTED:
            return state.status is not Status.PENDING
        if message.execution_id is not None and message.execution_id != state.execution_id:
            return True
        if event.type in _SUCCESSES or event.type in _FAILURES:
            return event.get("TaskScheduledId") not in self._open_tasks
        return event.type is EventType.TIMER_FIRED and event.get("TimerId") not in self._open_timers

    def _switch(self, message: Message) -> bool:
        """Suspend and resume take a turn of their own, without running code."""
        if self.choice.taken:
            return False
        resumes = _SWITCHES[message.event.type]
        if resumes != (self._state.status is Status.SUSPENDED):
            self.choice.stale.append(message)
            return True
        self.choice.taken.append(message)
        return False

    def _take_event(self, message: Message) -> None:
        name = message.event.get("Name")
        if self._waits[name] > 0:
            self._waits[name] -= 1
            self.choice.taken.append(message)
            self._code_ran_on = True

    def _take(self, message: Message) -> bool:
        if self._numbers_a_retry(message):
            if self._code_ran_on:
                return False
        else:
            self._code_ran_on = True
        self._open_tasks.discard(message.event.get("TaskScheduledId"))
        self._open_timers.discard(message.event.get("TimerId"))
        self.choice.taken.append(message)
        return True

    def _numbers_a_retry(self, message: Message) -> bool:
        event = message.event
        if event.type in _FAILURES:
            return self._state.tasks[event.get("TaskScheduledId")].retry is not None
        if event.type is EventType.TIMER_FIRED:
            retries = self._state.timers[event.get("TimerId")].retries
            return retries is not None and retries.may_retry
        return False
