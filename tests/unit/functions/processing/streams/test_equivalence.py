"""Windows over shuffled, late and repeated messages give what one computation over all of them gives."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.processing.streams.codec import decode_state, decode_step, encode_state, encode_step
from functions.processing.streams.definition import StreamDefinition
from functions.processing.streams.state import Step, StreamState
from tests.unit.functions.processing.streams.parts import (
    NOW_US,
    QUERY,
    SESSION,
    SLIDING,
    TUMBLING,
    Row,
    Sent,
    a_stream,
    an_engine,
    row_of,
    rows_after,
    the_program,
)

LAST = 10**6


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


def in_time(sent: Sequence[Sent], stream: StreamDefinition) -> Iterator[tuple[Sent, int]]:
    """Each first copy with the watermark that those before it have made."""
    watermark = -(10**9)
    for item in first_copies(sent):
        yield item, watermark
        watermark = max(watermark, item.at - int(stream.watermark_delay_s))


def first_copies(sent: Sequence[Sent]) -> list[Sent]:
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


def last_panes(steps: Sequence[Step]) -> dict[Row, dict[str, Any]]:
    return {row_of(result): dict(result.values) for step in steps for result in step.results}


def finals(steps: Sequence[Step]) -> dict[Row, dict[str, Any]]:
    final = [result for step in steps for result in step.results if result.final]
    found = {row_of(result): dict(result.values) for result in final}
    assert len(found) == len(final), "a window has two final results"
    return found


VALUES = st.one_of(st.none(), st.integers(-1, 5))
KEYS = st.sampled_from("ab")


@st.composite
def sequences(draw: st.DrawFn, disorder: int | None = None, last: int = 60) -> list[Sent]:
    """Messages with some sent twice; shuffled freely, or by at most so many seconds. Times from 0 to `last`."""
    drawn = draw(st.lists(st.tuples(KEYS, st.integers(0, last), VALUES), min_size=1, max_size=25))
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
@given(sequences(last=20), CUTS, st.booleans(), st.integers(0, 9), st.integers(0, 9), st.integers(0, 4), st.data())
def test_early_and_refined_windows_are_at_every_moment_those_of_the_messages_so_far(
    sent: list[Sent], cuts: list[int], crash: bool, delay: int, lateness: int, most: int, data: st.DataObject
) -> None:
    query = f"{QUERY} HAVING COUNT(*) < {most}" if most else QUERY
    tolerance = {"watermarkDelayS": delay, "allowedLatenessS": lateness}
    stream = a_stream(TUMBLING, query=query, trigger={"earlyEveryS": 1}, **tolerance)
    steps, rows, count = streamed(stream, sent, cuts, crash), {}, 0
    for number, batch in enumerate(batches(sent, cuts)):
        count += len(batch)
        again = steps[data.draw(st.integers(0, number)) : number + 1]
        expected = fixed(sent[:count], stream, 10, 10)
        kept = {row: values for row, values in expected.items() if not most or values["n"] < most}
        assert rows_after([steps[number], *again], rows) == kept


@FEW
@given(sequences(last=20), CUTS, st.booleans(), st.integers(1, 15), st.sampled_from([TUMBLING, SLIDING]))
def test_of_refined_windows_those_that_having_leaves_out_in_the_end_are_gone(
    sent: list[Sent], cuts: list[int], crash: bool, lateness: int, window: dict[str, Any]
) -> None:
    stream = a_stream(window, query=f"{QUERY} HAVING COUNT(*) < 2", allowedLatenessS=lateness)
    expected = fixed(sent, stream, 10, 10 if window is TUMBLING else 4)
    kept = {row: values for row, values in expected.items() if values["n"] < 2}
    assert rows_after(streamed(stream, sent, cuts, crash), {}) == kept


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
