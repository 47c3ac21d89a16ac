"""Windows over shuffled, late and repeated messages give what one computation over all of them gives."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.processing.streams.codec import decode_state, decode_step, encode_state, encode_step
from functions.processing.streams.definition import StreamDefinition
from functions.processing.streams.engine import StreamEngine, StreamMessage
from functions.processing.streams.program import Program, compile_query
from functions.processing.streams.session_rows import changes_of
from functions.processing.streams.state import Step, StreamState, WindowResult

QUERY = (
    "SELECT COUNT(*) AS n, SUM(v) AS total, MIN(v) AS low, MAX(v) AS high, AVG(v) AS mean, "
    "COUNT(DISTINCT v) AS kinds, MEDIAN(v) AS middle FROM input WHERE v >= 0"
)
TUMBLING = {"type": "tumbling", "sizeS": 10}
SLIDING = {"type": "sliding", "sizeS": 10, "everyS": 4}
SESSION = {"type": "session", "gapS": 3}
LAST = 10**6
NOW_US = 10**15


def a_stream(window: dict[str, Any], **changes: Any) -> StreamDefinition:
    return StreamDefinition.model_validate(
        {
            "key": "k",
            "eventTime": "t",
            "schema": {"k": "string", "t": "integer", "v": "integer"},
            "window": window,
            "query": QUERY,
            "idleAfterS": None,
            **changes,
        }
    )


PROGRAMS: dict[str, Program] = {}


def the_program(stream: StreamDefinition) -> Program:
    text = stream.window.model_dump_json() + stream.query
    if text not in PROGRAMS:
        PROGRAMS[text] = compile_query(stream)
    return PROGRAMS[text]


def an_engine(stream: StreamDefinition, state: StreamState | None = None) -> StreamEngine:
    program = the_program(stream)
    return StreamEngine(stream, program, state or StreamState(stream, program))


@dataclass(frozen=True)
class Sent:
    """A message of the tests: event time in seconds."""

    id: str
    key: str
    at: int
    value: int | None

    def message(self) -> StreamMessage:
        return StreamMessage(self.id, {"k": self.key, "t": self.at * 1000, "v": self.value})


Row = tuple[str, int, int]


def computed(values: Sequence[int | None]) -> dict[str, Any] | None:
    kept = [value for value in values if value is not None and value >= 0]
    if not kept:
        return None
    return {
        "n": len(kept),
        "total": sum(kept),
        "low": min(kept),
        "high": max(kept),
        "mean": pytest.approx(sum(kept) / len(kept)),
        "kinds": len(set(kept)),
        "middle": pytest.approx(median(kept)),
    }


def first_copies(sent: Sequence[Sent]) -> list[Sent]:
    return list({item.id: item for item in reversed(sent)}.values())[::-1]


def in_time(sent: Sequence[Sent], stream: StreamDefinition) -> Iterator[tuple[Sent, int]]:
    """Each first copy with the watermark that those before it have made."""
    watermark = -(10**9)
    for item in first_copies_in_order(sent):
        yield item, watermark
        watermark = max(watermark, item.at - int(stream.watermark_delay_s))


def first_copies_in_order(sent: Sequence[Sent]) -> list[Sent]:
    seen: set[str] = set()
    return [item for item in sent if not (item.id in seen or seen.add(item.id))]  # type: ignore[func-returns-value]


def fixed(sent: Sequence[Sent], stream: StreamDefinition, size: int, every: int) -> dict[Row, dict[str, Any]]:
    """One computation over everything that is not late, window by window."""
    groups: dict[Row, list[int | None]] = defaultdict(list)
    for item, watermark in in_time(sent, stream):
        for start in range(-20 * every, 200 * every, every):
            if start <= item.at < start + size and start + size + stream.allowed_lateness_s > watermark:
                groups[item.key, start, start + size].append(item.value)
    return {row: found for row, values in groups.items() if (found := computed(values))}


def sessions(sent: Sequence[Sent], stream: StreamDefinition, gap: int) -> dict[Row, dict[str, Any]]:
    by_key: dict[str, list[Sent]] = defaultdict(list)
    for item, watermark in in_time(sent, stream):
        if item.at + stream.allowed_lateness_s >= watermark and item.value is not None and item.value >= 0:
            by_key[item.key].append(item)
    found: dict[Row, list[int | None]] = {}
    for key, items in by_key.items():
        open_: list[Sent] = []
        for item in sorted(items, key=lambda one: one.at):
            if open_ and item.at - open_[-1].at >= gap:
                found[key, open_[0].at, open_[-1].at + gap] = [one.value for one in open_]
                open_ = []
            open_.append(item)
        if open_:
            found[key, open_[0].at, open_[-1].at + gap] = [one.value for one in open_]
    return {row: result for row, values in found.items() if (result := computed(values))}


def streamed(stream: StreamDefinition, sent: Sequence[Sent], cuts: Sequence[int], crash: bool) -> list[Step]:
    """Run the messages in micro-batches, one a second; with `crash`, every one by an engine rebuilt from the log."""
    steps: list[Step] = []
    engine, base = an_engine(stream), b""
    closing = Sent("the last", "~", LAST, None)
    for number, batch in enumerate([*batches(sent, cuts), [closing]]):
        if crash:
            state = (
                decode_state(base, stream, the_program(stream))[0] if base else StreamState(stream, the_program(stream))
            )
            for step in steps[number - number % 3 :]:
                state.absorb(decode_step(encode_step(step))[0])
            engine = an_engine(stream, state)
        applied = engine.apply([item.message() for item in batch], NOW_US + number * 1_000_000)
        assert applied.invalid == ()
        steps.append(applied.step)
        if len(steps) % 3 == 0:
            engine.compact()
            base = encode_state(engine.state)
    return steps


def batches(sent: Sequence[Sent], cuts: Sequence[int]) -> Iterator[Sequence[Sent]]:
    edges = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    return (sent[start:end] for start, end in pairwise(edges))


def row_of(result: WindowResult) -> Row:
    return result.key, result.start // 1_000_000, result.end // 1_000_000


def last_panes(steps: Sequence[Step]) -> dict[Row, dict[str, Any]]:
    return {row_of(result): dict(result.values) for step in steps for result in step.results}


def finals(steps: Sequence[Step]) -> dict[Row, dict[str, Any]]:
    final = [result for step in steps for result in step.results if result.final]
    found = {row_of(result): dict(result.values) for result in final}
    assert len(found) == len(final), "a window has two final results"
    return found


def rows_after(steps: Iterable[Step], rows: dict[tuple[str, int, int], WindowResult]) -> dict[Row, dict[str, Any]]:
    """The table of a stream with early sessions after these steps; `rows` is what it has before, and is changed."""
    for step in steps:
        for change in changes_of(step):
            for bounds in change.replaced:
                rows.pop((change.key, *bounds), None)
            if change.result is not None:
                rows[change.key, change.result.start, change.result.end] = change.result
    return {row_of(result): dict(result.values) for result in rows.values()}


VALUES = st.one_of(st.none(), st.integers(-1, 5))
KEYS = st.sampled_from("ab")


@st.composite
def sequences(draw: st.DrawFn, disorder: int | None = None) -> list[Sent]:
    """Messages with some sent twice; shuffled freely, or by at most so many seconds."""
    drawn = draw(st.lists(st.tuples(KEYS, st.integers(0, 60), VALUES), min_size=1, max_size=25))
    sent = [Sent(str(number), *item) for number, item in enumerate(drawn)]
    sent += [sent[index] for index in draw(st.lists(st.integers(0, len(sent) - 1), max_size=5))]
    if disorder is None:
        return draw(st.permutations(sent))
    delays = draw(st.lists(st.integers(0, disorder), min_size=len(sent), max_size=len(sent)))
    return [item for _, item in sorted(zip(delays, sent, strict=True), key=lambda pair: pair[0] + pair[1].at)]


CUTS = st.lists(st.integers(0, 40), max_size=6)
FEW = settings(
    max_examples=int(os.environ.get("STREAM_EXAMPLES", "10")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@FEW
@given(sequences(), CUTS, st.booleans(), st.integers(0, 10), st.integers(0, 15))
def test_tumbling_windows_equal_one_computation_over_all_messages_in_time(
    sent: list[Sent], cuts: list[int], crash: bool, delay: int, lateness: int
) -> None:
    stream = a_stream(TUMBLING, watermarkDelayS=delay, allowedLatenessS=lateness)
    steps = streamed(stream, sent, cuts, crash)
    assert last_panes(steps) == fixed(sent, stream, 10, 10)
    # Nothing is lost: what was sent was counted or is late; a copy changes neither.
    assert sum(step.counted + len(step.late) for step in steps) - 1 == len(first_copies(sent))


@FEW
@given(sequences(), CUTS, st.booleans(), st.integers(0, 10), st.integers(0, 15))
def test_sliding_windows_equal_one_computation_over_all_messages_in_time(
    sent: list[Sent], cuts: list[int], crash: bool, delay: int, lateness: int
) -> None:
    stream = a_stream(SLIDING, watermarkDelayS=delay, allowedLatenessS=lateness)
    assert last_panes(streamed(stream, sent, cuts, crash)) == fixed(sent, stream, 10, 4)


EARLY = st.sampled_from([None, 1, 2, 5])


@FEW
@given(sequences(), CUTS, st.booleans(), st.integers(0, 10), st.integers(0, 15), EARLY)
def test_sessions_equal_one_computation_over_all_messages_in_time(
    sent: list[Sent], cuts: list[int], crash: bool, delay: int, lateness: int, early: int | None
) -> None:
    stream = a_stream(SESSION, watermarkDelayS=delay, allowedLatenessS=lateness, trigger={"earlyEveryS": early})
    steps = streamed(stream, sent, cuts, crash)
    assert finals(steps) == sessions(sent, stream, 3)
    if early is None:
        assert last_panes(steps) == finals(steps)
    else:
        # Nothing of the early results is left beside the final ones.
        assert rows_after(steps, {}) == finals(steps)


@FEW
@given(sequences(), CUTS, st.booleans(), st.integers(0, 30), st.data())
def test_early_sessions_are_at_every_moment_those_of_the_messages_so_far(
    sent: list[Sent], cuts: list[int], crash: bool, delay: int, data: st.DataObject
) -> None:
    stream = a_stream(SESSION, watermarkDelayS=delay, trigger={"earlyEveryS": 1})
    steps, rows, count = streamed(stream, sent, cuts, crash), {}, 0
    for number, batch in enumerate(batches(sent, cuts)):
        count += len(batch)
        # What was not noted as delivered is delivered again after a crash, from any step on.
        again = steps[data.draw(st.integers(0, number)) : number + 1]
        assert rows_after([steps[number], *again], rows) == sessions(sent[:count], stream, 3)


@FEW
@given(sequences(), CUTS, st.booleans(), st.integers(0, 30))
def test_of_results_of_a_key_that_overlap_the_one_with_the_greatest_pane_is_the_last(
    sent: list[Sent], cuts: list[int], crash: bool, delay: int
) -> None:
    stream = a_stream(SESSION, watermarkDelayS=delay, trigger={"earlyEveryS": 1})
    results = [result for step in streamed(stream, sent, cuts, crash) for result in step.results]
    for number, one in enumerate(results):
        for later in results[number + 1 :]:
            if one.key == later.key and one.start < later.end and later.start < one.end:
                assert (later.start, one.end) <= (one.start, later.end)
                assert one.pane < later.pane
                assert not one.final


@FEW
@given(sequences(disorder=7), CUTS, st.sampled_from([TUMBLING, SLIDING, SESSION]))
def test_nothing_is_late_that_is_out_of_order_by_no_more_than_the_delay(
    sent: list[Sent], cuts: list[int], window: dict[str, Any]
) -> None:
    steps = streamed(a_stream(window, watermarkDelayS=7), sent, cuts, crash=False)
    assert not any(step.late for step in steps)


def test_a_window_is_given_again_for_a_message_within_the_allowed_lateness() -> None:
    engine = an_engine(a_stream(TUMBLING, allowedLatenessS=20))
    steps = [engine.apply([Sent(str(at), "a", at, 1).message()], NOW_US).step for at in (3, 12, 4, 29, 30, 5)]
    given_ = [[(r.start // 10**6, r.pane, r.final, r.values["n"]) for r in step.results] for step in steps]
    last_of_all = [(0, 3, True, 2), (20, 1, False, 1)]
    assert given_ == [[], [(0, 1, False, 1)], [(0, 2, False, 2)], [(10, 1, False, 1)], last_of_all, []]
    assert steps[-1].late == (b'{"id":"5","data":{"k":"a","t":5000,"v":1}}',)


def test_early_results_come_every_n_seconds_until_the_window_ends() -> None:
    engine = an_engine(a_stream(TUMBLING, trigger={"earlyEveryS": 5}))
    first = engine.apply([Sent("1", "a", 1, 1).message()], 0).step
    second = engine.apply([Sent("2", "a", 2, 1).message()], 4_000_000).step
    third = engine.tick(5_000_000)
    assert third is not None
    counts = [[(r.pane, r.final, r.values["n"]) for r in step.results] for step in (first, second, third)]
    assert counts == [[(1, False, 1)], [], [(2, False, 2)]]
    assert engine.tick(6_000_000) is None
    assert engine.tick(11_000_000) is None  # nothing has changed since


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


def test_the_windows_of_an_idle_partition_close_by_the_clock() -> None:
    engine = an_engine(a_stream(TUMBLING, idleAfterS=20))
    engine.apply([Sent("1", "a", 1, 1).message()], 0)
    assert engine.tick(0) is None
    assert engine.tick(19_000_000) is None
    step = engine.tick(20_000_000)
    assert step is not None
    assert [(r.end, r.final) for r in step.results] == [(10_000_000, True)]


def test_messages_that_do_not_fit_the_schema_are_named_and_the_rest_goes_on() -> None:
    engine = an_engine(a_stream(TUMBLING))
    datas: list[Any] = [
        {"k": "a", "t": 1000, "v": 1}, {"k": "a", "v": 1}, {"k": "a", "t": 1000, "v": "x"}, [], {"k": 5, "t": 1},
        {"k": "a", "t": NOW_US // 1000 + 3_600_001, "v": 1}, {"k": "k" * 300, "t": 1000, "v": 1},
    ]  # fmt: skip
    applied = engine.apply([StreamMessage(str(number), data) for number, data in enumerate(datas)], NOW_US)
    assert applied.step.counted == 1
    assert applied.invalid == (
        (1, "'t' is missing"),
        (2, "'v' is not an integer of 64 bits"),
        (3, "the message's data is not an object"),
        (4, "'k' is not a string"),
        (5, "'t' is too far in the future"),
        (6, "'k' is longer than 200 characters, too long for a key"),
    )


def test_an_invalid_message_may_come_again_corrected() -> None:
    engine = an_engine(a_stream(TUMBLING))
    assert engine.apply([StreamMessage("1", {"k": "a"})], NOW_US).step.counted == 0
    assert engine.apply([StreamMessage("1", {"k": "a", "t": 1000, "v": 1})], NOW_US).step.counted == 1


def test_a_key_of_another_partition_is_refused() -> None:
    stream = a_stream(TUMBLING)
    program = the_program(stream)
    engine = StreamEngine(stream, program, StreamState(stream, program), owns=lambda key: key == "a")
    applied = engine.apply([Sent("1", "b", 1, 1).message()], NOW_US)
    assert applied.invalid == ((0, "the key 'b' belongs to another partition"),)


def test_a_copy_of_a_forgotten_id_is_late_and_never_counted_again() -> None:
    engine = an_engine(a_stream(TUMBLING, deduplicateS=0))
    first = Sent("1", "a", 1, 1).message()
    engine.apply([first, Sent("2", "a", 10_000, 1).message()], NOW_US)
    engine.apply([Sent("3", "a", 20_000, 1).message()], NOW_US)
    step = engine.apply([first], NOW_US).step
    assert (step.counted, step.duplicates, len(step.late)) == (0, 0, 1)
