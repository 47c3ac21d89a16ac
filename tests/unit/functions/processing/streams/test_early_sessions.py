"""A session's results before it is closed: their bounds and panes, and what they take the place of."""

from typing import Any

from functions.processing.streams.claimed_rows import changes_of
from functions.processing.streams.engine import StreamEngine
from functions.processing.streams.state import Step
from tests.unit.functions.processing.streams.parts import SESSION, Sent, a_stream, an_engine, rows_after


def an_early_session(query: str = "SELECT COUNT(*) AS n, SUM(v) AS total FROM input", **changes: Any) -> StreamEngine:
    return an_engine(
        a_stream(SESSION, query=query, **{"trigger": {"earlyEveryS": 5}, "watermarkDelayS": 60, **changes})
    )


def told(step: Step | None) -> list[tuple[int, int, int, bool, int]]:
    assert step is not None
    return [(r.start // 10**6, r.end // 10**6, r.pane, r.final, r.values["n"]) for r in step.results]


def test_an_early_result_of_a_session_has_its_bounds_and_values_so_far_and_the_final_one_comes_once() -> None:
    engine = an_early_session()
    assert told(engine.apply([Sent("1", "a", 10, 1).message()], 0).step) == [(10, 13, 1, False, 1)]
    assert told(engine.apply([Sent("2", "a", 12, 1).message()], 4_000_000).step) == []
    assert told(engine.tick(5_000_000)) == [(10, 15, 2, False, 2)]
    assert engine.tick(10_000_000) is None  # nothing has changed since
    assert told(engine.apply([Sent("3", "a", 11, 1).message()], 15_000_000).step) == [(10, 15, 3, False, 3)]
    last = engine.apply([Sent("4", "b", 75, 1).message()], 16_000_000).step
    assert told(last) == [(10, 15, 4, True, 3)]
    assert [change.replaced for change in changes_of(last)] == [()]


def test_a_session_that_two_have_become_takes_the_place_of_both_with_a_greater_pane() -> None:
    engine = an_early_session()
    engine.apply([Sent("1", "a", 10, 1).message()], 0)
    engine.apply([Sent("2", "a", 11, 1).message(), Sent("3", "a", 14, 1).message()], 5_000_000)
    merged = engine.apply([Sent("4", "a", 13, 1).message(), Sent("5", "b", 13, 1).message()], 10_000_000).step
    assert told(merged) == [(10, 17, 3, False, 4), (13, 16, 1, False, 1)]
    assert [(change.key, change.replaced) for change in changes_of(merged)] == [
        ("a", ((10_000_000, 14_000_000), (14_000_000, 17_000_000))),
        ("b", ()),
    ]


def test_the_early_result_of_a_session_that_having_leaves_out_later_goes_and_may_come_back() -> None:
    engine = an_early_session("SELECT COUNT(*) AS n FROM input HAVING SUM(v) < 5")
    first = engine.apply([Sent("1", "a", 10, 1).message()], 0).step
    left_out = engine.apply([Sent("2", "a", 12, 9).message()], 5_000_000).step
    back = engine.apply([Sent("3", "a", 9, -9).message()], 10_000_000).step
    assert (told(first), told(left_out)) == ([(10, 13, 1, False, 1)], [])
    assert told(back) == [(9, 15, 3, False, 3)]
    assert engine.tick(15_000_000) is None
    assert rows_after([first, left_out], {}) == {}
    assert rows_after([first, left_out, back], {}) == {("a", 9, 15): {"n": 3}}
    # Who has only heard of the first one hears with the next that it is replaced.
    assert [change.replaced for change in changes_of(back)] == [((10_000_000, 13_000_000),)]


def test_sessions_without_a_trigger_count_no_panes() -> None:
    engine = an_early_session(trigger={})
    step = engine.apply([Sent("1", "a", 10, 1).message(), Sent("2", "a", 100, 1).message()], 0).step
    assert told(step) == [(10, 13, 1, True, 1)]
    assert (step.fired, engine.state.windows.panes()) == ((), [])
