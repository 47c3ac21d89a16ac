"""The runtime state is a fold over history."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from funchost.durable.actions import RetryPolicy
from funchost.durable.events import EventType, HistoryEvent, decode_events, encode_events, format_time, parse_time
from funchost.durable.state import RuntimeState, Status, fold

NOW = format_time(datetime(2026, 1, 1, tzinfo=UTC))
STARTED = HistoryEvent(EventType.EXECUTION_STARTED, NOW, fields={"Name": "o", "Input": "1", "_execution": "x"})


def event(kind: EventType, event_id: int = -1, **fields: object) -> HistoryEvent:
    return HistoryEvent(kind, NOW, event_id, fields)


def test_nothing_has_happened_to_a_new_state() -> None:
    assert fold([]) == RuntimeState()
    assert fold([]).status is Status.PENDING


def test_a_result_closes_its_task_only() -> None:
    state = fold(
        [
            STARTED,
            event(EventType.TASK_SCHEDULED, 0, Name="a"),
            event(EventType.TASK_SCHEDULED, 1, Name="b"),
            event(EventType.TASK_COMPLETED, TaskScheduledId=0, Result="1"),
        ]
    )
    assert (list(state.tasks), state.next_id, state.status) == ([1], 2, Status.RUNNING)


def test_a_failed_attempt_waits_for_its_pause_with_its_policy() -> None:
    policy = RetryPolicy(1000, 3)
    history = [
        STARTED,
        event(EventType.TASK_SCHEDULED, 0, Name="a", _retry=policy.to_note(), _attempt=2),
        event(EventType.TASK_FAILED, TaskScheduledId=0, Reason="r"),
    ]
    assert fold(history).failed[0].may_retry
    state = fold([*history, event(EventType.TIMER_CREATED, 1, FireAt=NOW, _retries=0)])
    assert not state.failed
    retries = state.timers[1].retries
    assert retries is not None
    assert (retries.attempt, retries.retry) == (2, policy)


def test_waits_are_counted_by_name_and_used_up_by_events() -> None:
    state = fold([STARTED, event(EventType.ORCHESTRATOR_COMPLETED, _waits=["e", "e", "f"], _seen=["6:e"])])
    state.apply(event(EventType.EVENT_RAISED, Name="e", Input="1"))
    assert (dict(state.waits), state.seen) == ({"e": 1, "f": 1}, ["6:e"])


def test_every_end_is_final_and_keeps_its_output() -> None:
    for kind, status in [
        (EventType.EXECUTION_COMPLETED, Status.COMPLETED),
        (EventType.EXECUTION_FAILED, Status.FAILED),
        (EventType.EXECUTION_TERMINATED, Status.TERMINATED),
    ]:
        state = fold([STARTED, event(kind, 0, Result='"end"')])
        assert (state.status, state.output, state.status.is_final) == (status, '"end"', True)


numbers = st.integers(0, 5)
events = st.one_of(
    st.builds(lambda n: event(EventType.TASK_SCHEDULED, n, Name="a", Input="1"), numbers),
    st.builds(lambda n: event(EventType.TASK_COMPLETED, TaskScheduledId=n, Result="2"), numbers),
    st.builds(lambda n: event(EventType.TASK_FAILED, TaskScheduledId=n, Reason="r"), numbers),
    st.builds(lambda n: event(EventType.TIMER_CREATED, n, FireAt=NOW, _leaf=n), numbers),
    st.builds(lambda n: event(EventType.TIMER_FIRED, TimerId=n, FireAt=NOW), numbers),
    st.builds(lambda name: event(EventType.EVENT_RAISED, Name=name, Input="1"), st.sampled_from("ef")),
    st.builds(lambda name: event(EventType.ORCHESTRATOR_COMPLETED, _waits=[name]), st.sampled_from("ef")),
    st.just(event(EventType.EXECUTION_SUSPENDED)),
    st.just(event(EventType.EXECUTION_RESUMED)),
)


@given(st.lists(events, max_size=30), st.integers(0, 30))
def test_a_stored_history_folds_to_the_same_state_wherever_it_is_cut(history: list[HistoryEvent], cut: int) -> None:
    whole = fold([STARTED, *history])
    chunks = [encode_events([STARTED, *history[:cut]]), encode_events(history[cut:])]
    assert fold(item for chunk in chunks for item in decode_events(chunk)) == whole


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda when: when.year > 1000))
def test_times_keep_their_microseconds(when: datetime) -> None:
    assert parse_time(format_time(when)) == when


def test_the_pause_grows_up_to_its_limit() -> None:
    policy = RetryPolicy(1000, 5, backoff_coefficient=2.0, max_interval_ms=3000)
    pauses = [policy.delay_after(attempt) for attempt in (1, 2, 3)]
    assert pauses == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=3)]
