"""Steps and states as bytes, also those that earlier versions have written."""

from base64 import b85decode
from pathlib import Path
from zlib import decompress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.processing.streams.codec import CorruptRecord, decode_state, decode_step, encode_state, encode_step
from functions.processing.streams.parts import Pane
from functions.processing.streams.program import compile_query
from functions.processing.streams.state import Step, WindowResult
from tests.unit.functions.processing.streams.parts import COUNT, SESSION, TUMBLING, a_stream

STORED = orjson.loads((Path(__file__).parent / "records_before_early_sessions.json").read_bytes())
"""A base and the step after it of two streams, as commit 4b0fe84 wrote them."""

STREAMS = {
    "session": a_stream(SESSION, query=COUNT),
    "tumbling": a_stream(TUMBLING, query=COUNT, allowedLatenessS=20),
}
US = 1_000_000


def stored(kind: str, part: str) -> bytes:
    return decompress(b85decode(STORED[kind][part]))


def test_a_log_of_sessions_from_before_they_had_early_results_is_still_read() -> None:
    stream = STREAMS["session"]
    state, header = decode_state(stored("session", "base"), stream, compile_query(stream))
    step, _ = decode_step(stored("session", "step"))
    assert header["sequence"] == 1
    assert [(r.key, r.start // US, r.end // US, r.pane, r.final) for r in step.results] == [
        ("b", 12, 15, 1, True),
        ("a", 13, 17, 1, True),
    ]
    state.absorb(step)
    left = state.windows.parts()
    assert left is not None
    assert left.rows() == [("b", 21 * US, 24 * US, 1)]


def test_a_log_of_windows_from_before_sessions_had_early_results_is_still_read() -> None:
    stream = STREAMS["tumbling"]
    state, _ = decode_state(stored("tumbling", "base"), stream, compile_query(stream))
    step, _ = decode_step(stored("tumbling", "step"))
    assert step.fired == (Pane(0, 10 * US, 2), Pane(10 * US, 20 * US, 1))
    state.absorb(step)
    assert dict(state.windows.panes()) == {
        Pane(0, 10 * US, 2): False,
        Pane(10 * US, 20 * US, 1): False,
        Pane(20 * US, 30 * US, 0): True,
    }


@pytest.mark.parametrize("kind", ["session", "tumbling"])
def test_what_has_no_early_sessions_is_written_as_it_was_before(kind: str) -> None:
    stream = STREAMS[kind]
    state, header = decode_state(stored(kind, "base"), stream, compile_query(stream))
    again, header_again = decode_state(encode_state(state, sequence=1), stream, compile_query(stream))
    assert header_again == header
    assert again.windows.panes() == state.windows.panes()
    step, step_header = decode_step(stored(kind, "step"))
    assert decode_step(encode_step(step, sequence=2, delivered=1))[1] == step_header


BOUNDS = st.tuples(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62))
NUMBERS = st.integers(1, 10**6)
FIXED = st.builds(lambda bounds, number: Pane(*bounds, number), BOUNDS, NUMBERS)
OF_SESSIONS = st.builds(
    lambda bounds, number, key, former, is_empty: Pane(*bounds, number, key, tuple(former), is_empty),
    BOUNDS, NUMBERS, st.text(max_size=5), st.lists(BOUNDS, max_size=3), st.booleans(),
)  # fmt: skip


@given(st.lists(st.one_of(FIXED, OF_SESSIONS), max_size=5))
def test_panes_survive_the_way_to_the_log_and_back(panes: list[Pane]) -> None:
    result = WindowResult("a", 0, 3, 2, False, {"n": 1})
    step = Step(watermark=7, fired=tuple(panes), results=(result,))
    assert decode_step(encode_step(step))[0] == step


def test_bytes_that_are_no_record_are_refused() -> None:
    whole = encode_step(Step(watermark=7))
    for body in (b"", b"PST2" + whole[4:], whole + b"x", whole[:12]):
        with pytest.raises(CorruptRecord):
            decode_step(body)
