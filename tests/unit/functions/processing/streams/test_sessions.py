"""What was given of sessions follows them as they grow, join and close."""

from typing import Any

import polars as pl

from functions.processing.streams.parts import Pane
from functions.processing.streams.sessions import EarlySessions
from functions.processing.streams.windows import WindowRule
from tests.unit.functions.processing.streams.parts import early_sessions, the_program

STREAM = early_sessions()
PROGRAM = the_program(STREAM)


def parts(*sessions: tuple[str, int, int]) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {
        PROGRAM.key: [key for key, _, _ in sessions],
        PROGRAM.start: [start for _, start, _ in sessions],
        PROGRAM.end: [end for _, _, end in sessions],
        "n": [1] * len(sessions),
    }
    return pl.DataFrame(columns)


def open_with(*sessions: tuple[str, int, int]) -> EarlySessions:
    made = EarlySessions(WindowRule.of(STREAM), PROGRAM)
    made.add(parts(*sessions))
    return made


def give(sessions: EarlySessions, watermark: int = 0, *, early: bool = True) -> tuple[Pane, ...]:
    due = sessions.due(watermark, early=early)
    panes = () if due is None else due.panes
    sessions.fired(panes)
    sessions.close(watermark)
    return panes


def test_only_sessions_that_have_changed_are_given_early_again() -> None:
    sessions = open_with(("a", 0, 3), ("b", 0, 3))
    assert give(sessions) == (Pane(0, 3, 1, "a"), Pane(0, 3, 1, "b"))
    assert give(sessions) == ()
    sessions.add(parts(("b", 1, 3)))
    assert give(sessions) == (Pane(0, 3, 2, "b", ((0, 3),)),)


def test_nothing_is_given_early_without_the_trigger() -> None:
    assert give(open_with(("a", 0, 3)), early=False) == ()


def test_a_session_that_joins_others_takes_over_their_bounds_and_the_greatest_pane() -> None:
    sessions = open_with(("a", 0, 3), ("a", 5, 8))
    give(sessions)
    sessions.add(parts(("a", 6, 9)))
    give(sessions)
    sessions.add(parts(("a", 2, 6)))
    assert give(sessions) == (Pane(0, 9, 3, "a", ((0, 3), (5, 9))),)
    assert give(sessions, 9) == (Pane(0, 9, 4, "a", ((0, 9),)),)
    assert sessions.panes() == []


def test_a_session_grows_although_the_watermark_has_passed_its_former_end() -> None:
    sessions = open_with(("a", 0, 3))
    give(sessions)
    sessions.add(parts(("a", 2, 7)))
    assert give(sessions, 5, early=False) == ()
    assert give(sessions, 7, early=False) == (Pane(0, 7, 2, "a", ((0, 3),)),)


def test_bounds_that_an_empty_pane_has_replaced_are_still_named_by_the_next() -> None:
    sessions = open_with(("a", 0, 3))
    give(sessions)
    sessions.fired([Pane(0, 3, 2, "a", ((0, 3),), is_empty=True)])
    sessions.add(parts(("a", 2, 5)))
    assert give(sessions) == (Pane(0, 5, 3, "a", ((0, 3),)),)


def test_a_restored_state_gives_the_same_as_the_one_that_was_stored() -> None:
    first = open_with(("a", 0, 3), ("a", 5, 8), ("b", 0, 3))
    give(first)
    first.add(parts(("a", 2, 6), ("c", 0, 3)))
    second = EarlySessions(WindowRule.of(STREAM), PROGRAM)
    stored = first.parts()
    assert stored is not None
    second.add(stored)
    second.restore(first.panes())
    expected = (Pane(0, 8, 2, "a", ((0, 3), (5, 8))), Pane(0, 3, 1, "c"))
    assert give(second) == give(first) == expected


def test_the_bounds_under_which_nothing_is_to_be_found_are_those_without_a_new_result() -> None:
    assert Pane(0, 5, 2, "a", ((0, 3), (0, 5))).replaced == ((0, 3),)
    assert Pane(0, 5, 2, "a", ((0, 3), (0, 5)), is_empty=True).replaced == ((0, 3), (0, 5))
