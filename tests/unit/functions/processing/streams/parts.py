"""Streams, engines and messages for the tests of streams."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from functions.processing.streams.claimed_rows import changes_of
from functions.processing.streams.definition import StreamDefinition
from functions.processing.streams.engine import StreamEngine, StreamMessage
from functions.processing.streams.program import Program, compile_query
from functions.processing.streams.state import Step, StreamState, WindowResult

QUERY = (
    "SELECT COUNT(*) AS n, SUM(v) AS total, MIN(v) AS low, MAX(v) AS high, AVG(v) AS mean, "
    "COUNT(DISTINCT v) AS kinds, MEDIAN(v) AS middle FROM input WHERE v >= 0"
)
COUNT = "SELECT COUNT(*) AS n FROM input"
TUMBLING = {"type": "tumbling", "sizeS": 10}
SLIDING = {"type": "sliding", "sizeS": 10, "everyS": 4}
SESSION = {"type": "session", "gapS": 3}
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


def early_sessions(**changes: Any) -> StreamDefinition:
    """Counts of sessions, given early every second."""
    return a_stream(SESSION, query=COUNT, trigger={"earlyEveryS": 1}, **changes)


PROGRAMS: dict[str, Program] = {}


def the_program(stream: StreamDefinition) -> Program:
    text = f"{stream.window.model_dump_json()}{stream.has_many_panes}{stream.query}"
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


def row_of(result: WindowResult) -> Row:
    return result.key, result.start // 1_000_000, result.end // 1_000_000


def rows_after(steps: Iterable[Step], rows: dict[tuple[str, int, int], WindowResult]) -> dict[Row, dict[str, Any]]:
    """The table of a stream with many panes after these steps; `rows` is what it has before, and is changed."""
    for step in steps:
        for change in changes_of(step):
            for bounds in change.replaced:
                rows.pop((change.key, *bounds), None)
            if change.result is not None:
                rows[change.key, change.result.start, change.result.end] = change.result
    return {row_of(result): dict(result.values) for result in rows.values()}
