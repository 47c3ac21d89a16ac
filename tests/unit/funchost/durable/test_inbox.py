"""Which messages a turn takes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from funchost.durable.actions import RetryPolicy
from funchost.durable.backend import Message
from funchost.durable.events import EventType, HistoryEvent, format_time
from funchost.durable.inbox import choose
from funchost.durable.state import RuntimeState, fold

NOW = format_time(datetime(2026, 1, 1, tzinfo=UTC))
RETRY = RetryPolicy(1000, 3).to_note()


def event(kind: EventType, event_id: int = -1, **fields: Any) -> HistoryEvent:
    return HistoryEvent(kind, NOW, event_id, fields)


def message(kind: EventType, execution_id: str | None = None, **fields: Any) -> Message:
    return Message("i", event(kind, **fields), execution_id)


def running(*more: HistoryEvent) -> RuntimeState:
    """Open: plain activity 0, activity 1 with retries, one wait for `e`."""
    return fold(
        [
            event(EventType.EXECUTION_STARTED, Name="o", _execution="x"),
            event(EventType.TASK_SCHEDULED, 0, Name="a"),
            event(EventType.TASK_SCHEDULED, 1, Name="b", _retry=RETRY, _attempt=1),
            event(EventType.ORCHESTRATOR_COMPLETED, _waits=["e"]),
            *more,
        ]
    )


DONE_0 = message(EventType.TASK_COMPLETED, "x", TaskScheduledId=0, Result="1")
FAILED_1 = message(EventType.TASK_FAILED, "x", TaskScheduledId=1, Reason="r")
RAISED = message(EventType.EVENT_RAISED, Name="e", Input="1")
RAISED_OTHER = message(EventType.EVENT_RAISED, Name="other", Input="1")
SUSPEND = message(EventType.EXECUTION_SUSPENDED)
RESUME = message(EventType.EXECUTION_RESUMED)
TERMINATE = message(EventType.EXECUTION_TERMINATED)
OLD_EXECUTION = message(EventType.TASK_COMPLETED, "before", TaskScheduledId=0, Result="1")
UNKNOWN_TASK = message(EventType.TASK_COMPLETED, "x", TaskScheduledId=7, Result="1")
START_AGAIN = message(EventType.EXECUTION_STARTED, "x", Name="o")


@pytest.mark.parametrize(
    ("waiting", "taken", "stale"),
    [
        ([], [], []),
        ([DONE_0, RAISED], [DONE_0, RAISED], []),
        ([RAISED, RAISED], [RAISED], []),
        ([RAISED_OTHER], [], []),
        ([FAILED_1, DONE_0], [FAILED_1, DONE_0], []),
        ([DONE_0, FAILED_1], [DONE_0], []),
        ([RAISED, FAILED_1, DONE_0], [RAISED], []),
        ([DONE_0, DONE_0], [DONE_0], [DONE_0]),
        ([OLD_EXECUTION, UNKNOWN_TASK, START_AGAIN], [], [OLD_EXECUTION, UNKNOWN_TASK, START_AGAIN]),
        ([SUSPEND, DONE_0], [SUSPEND], []),
        ([DONE_0, SUSPEND], [DONE_0], []),
        ([RESUME, DONE_0], [DONE_0], [RESUME]),
        ([DONE_0, RAISED, TERMINATE], [TERMINATE], []),
    ],
)
def test_a_running_orchestration_takes(waiting: list[Message], taken: list[Message], stale: list[Message]) -> None:
    choice = choose(running(), waiting)
    assert (choice.taken, choice.stale) == (taken, stale)


@pytest.mark.parametrize(
    ("waiting", "taken"),
    [([DONE_0, RAISED], []), ([DONE_0, RESUME, RAISED], [RESUME]), ([DONE_0, TERMINATE], [TERMINATE])],
)
def test_a_suspended_orchestration_takes_only_resume_and_terminate(
    waiting: list[Message], taken: list[Message]
) -> None:
    assert choose(running(event(EventType.EXECUTION_SUSPENDED)), waiting).taken == taken


def test_the_pause_before_a_retry_comes_first_in_its_turn() -> None:
    state = running(
        event(EventType.TASK_FAILED, TaskScheduledId=1, Reason="r"),
        event(EventType.TIMER_CREATED, 2, FireAt=NOW, _retries=1),
    )
    fired = message(EventType.TIMER_FIRED, "x", TimerId=2, FireAt=NOW)
    assert choose(state, [fired, DONE_0]).taken == [fired, DONE_0]
    assert choose(state, [DONE_0, fired]).taken == [DONE_0]
