"""Windows of fixed bounds that are given more than once: early, or again for what came within the allowed lateness."""

from typing import Any

import pytest

from functions.processing.streams.claimed_rows import changes_of
from functions.processing.streams.codec import decode_state, decode_step, encode_state, encode_step
from functions.processing.streams.definition import StreamDefinition
from functions.processing.streams.engine import StreamEngine
from functions.processing.streams.state import Step, StreamState
from tests.unit.functions.processing.streams.parts import COUNT, TUMBLING, Sent, a_stream, an_engine, rows_after
from tests.unit.functions.processing.streams.parts import the_program as program_of

SMALL = "SELECT COUNT(*) AS n FROM input HAVING SUM(v) < 5"
EARLY: dict[str, Any] = {"trigger": {"earlyEveryS": 1}, "watermarkDelayS": 60}
S = 1_000_000


def apply(engine: StreamEngine, now_s: int, *sent: Sent) -> Step:
    return engine.apply([one.message() for one in sent], now_s * S).step


def restarted(engine: StreamEngine, stream: StreamDefinition) -> StreamEngine:
    """From the base of a log."""
    state, _ = decode_state(encode_state(engine.state), stream, program_of(stream))
    return an_engine(stream, state)


def replayed(stream: StreamDefinition, *steps: Step) -> StreamEngine:
    """From the records of a log."""
    state = StreamState(stream, program_of(stream))
    for step in steps:
        state.absorb(decode_step(encode_step(step))[0])
    return an_engine(stream, state)


@pytest.mark.parametrize("how", ["live", "from the base", "from the log"])
def test_the_row_of_a_key_that_having_leaves_out_later_goes_and_may_come_back(how: str) -> None:
    stream = a_stream(TUMBLING, query=SMALL, **EARLY)
    engine, steps = an_engine(stream), list[Step]()
    seen = []
    batches = [Sent("1", "a", 1, 1), Sent("2", "b", 1, 1)], [Sent("3", "a", 2, 9)], [Sent("4", "a", 3, -9)]
    for number, batch in enumerate(batches):
        if how == "from the base":
            engine = restarted(engine, stream)
        if how == "from the log":
            engine = replayed(stream, *steps)
        steps.append(apply(engine, number, *batch))
        seen.append({key: values["n"] for (key, _, _), values in rows_after(steps, {}).items()})
    assert seen == [{"a": 1, "b": 1}, {"b": 1}, {"a": 3, "b": 1}]


def test_a_row_that_is_gone_is_not_removed_again() -> None:
    engine = an_engine(a_stream(TUMBLING, query=SMALL, **EARLY))
    apply(engine, 0, Sent("1", "a", 1, 1))
    gone, still = apply(engine, 1, Sent("2", "a", 2, 9)), apply(engine, 2, Sent("3", "a", 2, 9), Sent("4", "b", 2, 1))
    assert [(change.key, change.replaced) for change in changes_of(gone)] == [("a", ((0, 10 * S),))]
    assert [(change.key, change.replaced) for change in changes_of(still)] == [("b", ())]


def test_what_lateness_makes_too_much_for_having_is_gone_in_the_end() -> None:
    engine = an_engine(a_stream(TUMBLING, query=SMALL, allowedLatenessS=30))
    steps = [apply(engine, 0, Sent("1", "a", 1, 1), Sent("2", "a", 15, 0))]
    assert rows_after(steps, {})["a", 0, 10] == {"n": 1}
    steps += [apply(engine, 1, Sent("3", "a", 2, 9)), apply(engine, 2, Sent("4", "~", 1000, 0))]
    assert ("a", 0, 10) not in rows_after(steps, {})
    assert engine.state.windows.panes() == [(engine.state.windows.panes()[0][0], True)], "only the last window is left"


@pytest.mark.parametrize(
    ("query", "how"), [(COUNT, EARLY), (SMALL, {}), (COUNT, {"allowedLatenessS": 9})], ids=["all", "once", "refined"]
)
def test_keys_are_noted_only_where_one_may_be_left_out_later(query: str, how: dict[str, Any]) -> None:
    engine = an_engine(a_stream(TUMBLING, query=query, **how))
    step = apply(engine, 0, Sent("1", "a", 1, 1), Sent("2", "a", 11, 1))
    assert step.results
    assert all(pane.key is None for pane in step.fired)
