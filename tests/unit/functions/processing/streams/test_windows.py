from datetime import UTC, datetime
from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from functions.processing.streams.definition import Session, Sliding, Tumbling
from functions.processing.streams.times import text_of, time_of
from functions.processing.streams.windows import WindowRule, merged_sessions

TIMES = st.integers(-(10**15), 10**16)


@given(TIMES, st.integers(1, 10**6), st.integers(1, 50))
def test_a_moment_lies_in_every_sliding_window_that_covers_it_and_no_other(time: int, every: int, times: int) -> None:
    size = every * times + every // 2
    rule = WindowRule(Sliding(type="sliding", size_s=size / 1000, every_s=every / 1000), 0, 0)
    found = rule.windows_of(time)
    assert all(start <= time < end == start + size * 1000 and start % (every * 1000) == 0 for start, end in found)
    assert len(found) in {size // every, size // every + 1}


@given(TIMES, st.integers(1, 10**9))
def test_a_moment_lies_in_one_tumbling_window(time: int, size: int) -> None:
    rule = WindowRule(Tumbling(type="tumbling", size_s=size / 1000), 0, 0)
    ((start, end),) = rule.windows_of(time)
    assert start <= time < end == start + rule.size
    assert start % rule.size == 0


ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=20)


@given(ROWS)
def test_sessions_are_merged_when_they_overlap_and_only_then(rows: list[tuple[str, int, int]]) -> None:
    frame = pl.DataFrame(
        {"k": [k for k, _, _ in rows], "s": [s for _, s, _ in rows], "e": [s + length for _, s, length in rows]}
    )
    sessions = set(merged_sessions(frame, "k", "s", "e").rows())
    for key, start, end in frame.rows():
        assert sum(k == key and s <= start and end <= e for k, s, e in sessions) == 1
    ordered = sorted(sessions)
    assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(ordered))
    for key, start, end in sessions:
        covered = {moment for k, s, e in frame.rows() if k == key for moment in range(s, e)}
        assert set(range(start, end)) <= covered


def test_a_session_takes_what_is_not_older_than_the_watermark_less_the_lateness() -> None:
    rule = WindowRule(Session(type="session", gap_s=1), 0, 5)
    assert rule.open_windows_of(95, 100)
    assert not rule.open_windows_of(94, 100)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_survive_the_way_to_text_and_back(moment: datetime) -> None:
    assert datetime.fromisoformat(text_of(time_of(moment))) == moment
