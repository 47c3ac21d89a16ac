"""The stream engine: micro-batches of messages into windows. No I/O, no clock of its own.

The result does not depend on how messages are cut into micro-batches: whether a message is late follows from the
watermark that the messages before it have made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from functions.processing.messages.seen import digest
from functions.processing.streams.definition import StreamDefinition
from functions.processing.streams.parts import Due, WindowId
from functions.processing.streams.program import Program, Runner
from functions.processing.streams.record_schema import InvalidRecord
from functions.processing.streams.records import END, KEY, START, Record, RecordReader, schema_of
from functions.processing.streams.state import Step, StreamState, WindowResult
from functions.processing.streams.windows import microseconds


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """One message: its id and its data."""

    id: str
    data: Any


@dataclass(frozen=True)
class Applied:
    """A step, and the messages (by index) that were not of the schema, with the reason."""

    step: Step
    invalid: tuple[tuple[int, str], ...] = ()


class StreamEngine:
    """One stream on one partition. After an error its state is not to be used again."""

    def __init__(
        self,
        stream: StreamDefinition,
        program: Program,
        state: StreamState,
        *,
        owns: Callable[[str], bool] = lambda key: True,
    ) -> None:
        self._program = program
        self._reader = RecordReader(stream, program.columns)
        self._schema = {name: kind for name, kind in schema_of(stream).items() if name in {*self._columns, *_OWN}}
        self._runner = Runner(program)
        self._owns = owns
        self.state = state
        early = stream.trigger.early_every_s
        self._early_every = None if early is None else microseconds(early)
        self._next_early = 0
        self._idle_after = None if stream.idle_after_s is None else microseconds(stream.idle_after_s)
        self._idle_since: int | None = None
        self._idle_from = state.watermark

    def apply(self, messages: Sequence[StreamMessage], now: int) -> Applied:
        """Count a micro-batch at the time `now` (microseconds) and give what it makes due. Raises QueryFailed."""
        batch = _Batch(self.state, self._reader, self._owns)
        for index, message in enumerate(messages):
            batch.take(index, message, now)
        self._idle_since = None
        parts = self._parts(batch)
        self.state.begin(parts)
        step = self._fired(batch, parts, batch.watermark, early=self._is_early(now))
        self.state.finish(step)
        return Applied(step, tuple(batch.invalid))

    def tick(self, now: int) -> Step | None:
        """What time alone makes due while nothing waits: early results, and windows of an idle partition."""
        watermark = self._idle_watermark(now)
        early = self._is_early(now)
        if watermark == self.state.watermark and not early:
            return None
        step = self._fired(_Batch(self.state, self._reader, self._owns), None, watermark, early=early)
        if not step.results and not step.fired:
            return None
        self.state.finish(step)
        return step

    def compact(self) -> None:
        """Take less room without another result."""
        self.state.compact(self._runner.merge)

    def close(self) -> None:
        """Close the SQL engine."""
        self._runner.close()

    @property
    def _columns(self) -> tuple[str, ...]:
        return self._reader.columns

    def _is_early(self, now: int) -> bool:
        if self._early_every is None or now < self._next_early:
            return False
        self._next_early = now + self._early_every
        return True

    def _idle_watermark(self, now: int) -> int:
        """The watermark goes on with the clock once nothing has come for so long, while windows are open."""
        if self._idle_after is None or self.state.windows.parts() is None:
            return self.state.watermark
        if self._idle_since is None:
            self._idle_since, self._idle_from = now, self.state.watermark
        idle = now - self._idle_since
        return max(self.state.watermark, self._idle_from + idle) if idle >= self._idle_after else self.state.watermark

    def _parts(self, batch: "_Batch") -> pl.DataFrame | None:
        if not batch.rows:
            return None
        names = (*self._columns, *_OWN)
        columns = dict(zip(names, zip(*batch.rows, strict=True), strict=True))
        return self._runner.map(pl.DataFrame(columns, schema=self._schema))

    def _fired(self, batch: "_Batch", parts: pl.DataFrame | None, watermark: int, *, early: bool) -> Step:
        due = self.state.windows.due(watermark, early=early)
        results = () if due is None else self._results(due, watermark)
        return Step(
            watermark=watermark,
            parts=parts,
            ids=batch.ids,
            fired=() if due is None else self.state.windows.marked(due.panes, _ids(results)),
            results=results,
            late=tuple(batch.late),
            counted=batch.counted,
            duplicates=batch.duplicates,
        )

    def _results(self, due: Due, watermark: int) -> tuple[WindowResult, ...]:
        numbers = {(pane.key, *pane.bounds): pane.number for pane in due.panes}
        found = []
        for row in self._runner.reduce(due.parts):
            key, start, end = (row.pop(name) for name in _OWN)
            number = numbers.get((key, start, end)) or numbers.get((None, start, end), 1)
            final = end + self.state.rule.lateness <= watermark
            found.append(WindowResult(key, start, end, number, final, row))
        return tuple(sorted(found, key=lambda result: (result.start, result.end, result.key)))


_OWN = (KEY, START, END)


def _ids(results: Sequence[WindowResult]) -> set[WindowId]:
    return {(result.key, result.start, result.end) for result in results}


class _Batch:
    """Sorts messages into rows of windows, late ones, copies, and invalid ones."""

    def __init__(self, state: StreamState, reader: RecordReader, owns: Callable[[str], bool]) -> None:
        self._state, self._reader, self._owns = state, reader, owns
        self.watermark = state.watermark
        self.rows: list[tuple[Any, ...]] = []
        self.ids: dict[int, list[bytes]] = {}
        self.late: list[bytes] = []
        self.invalid: list[tuple[int, str]] = []
        self.counted = 0
        self.duplicates = 0
        self._new: set[bytes] = set()

    def take(self, index: int, message: StreamMessage, now: int) -> None:
        """Sort one message in."""
        mark = digest(message.id)
        if mark in self._new or mark in self._state.seen:
            self.duplicates += 1
            return
        try:
            record = self._reader.read(message.data, now)
        except InvalidRecord as error:
            self.invalid.append((index, str(error)))
            return
        if not self._owns(record.key):
            self.invalid.append((index, f"the key '{record.key}' belongs to another partition"))
            return
        self._new.add(mark)
        self.ids.setdefault(self._state.seen.bucket_of(record.time), []).append(mark)
        self._place(record, message)

    def _place(self, record: Record, message: StreamMessage) -> None:
        windows = self._state.rule.open_windows_of(record.time, self.watermark)
        if windows:
            self.counted += 1
            self.rows.extend((*record.values, record.key, start, end) for start, end in windows)
        else:
            self.late.append(orjson.dumps({"id": message.id, "data": message.data}))
        self.watermark = max(self.watermark, record.time - self._state.rule.delay)
