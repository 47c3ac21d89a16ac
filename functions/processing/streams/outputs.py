"""What a step gives out: results to the stream's sink, late messages to their blobs. Everything may be repeated."""

from collections.abc import Sequence
from csv import writer
from dataclasses import replace
from hashlib import blake2b
from io import StringIO
from typing import Any

from chassis.context import calling
from chassis.messaging.events import Event
from chassis.storage.blobs import Container
from chassis.storage.keys import encode_key
from functions.processing.streams.claimed_rows import ClaimedRows, WindowChange, changes_of
from functions.processing.streams.repository import StoredStream, WindowRepository
from functions.processing.streams.state import Step, WindowResult
from functions.processing.streams.times import text_of
from functions.processing.streams.window_rows import window_key

EVENT = "processing.stream.window"


class Outputs:
    """The outputs of one stream. `columns` are those of its query, `claimed` the rows of one with many panes."""

    def __init__(
        self,
        stream: StoredStream,
        columns: Sequence[str],
        windows: WindowRepository,
        late: Container,
        datasets: Container,
        claimed: ClaimedRows | None = None,
    ) -> None:
        self._stream, self._columns, self._claimed = stream, columns, claimed
        self._windows, self._late, self._datasets = windows, late, datasets

    async def deliver(self, partition: int, sequence: int, step: Step) -> None:
        """Deliver the outputs of a step. `sequence` names the step on its partition."""
        if step.late:
            name = f"{late_prefix(self._stream)}{partition}-{sequence:012d}.ndjson"
            await self._late.put(name, b"\n".join(step.late) + b"\n", content_type="application/x-ndjson")
        if not step.results and not step.fired:
            return
        with calling(self._stream.work.call()):
            await self._write(partition, step)
        if self._stream.definition.sink == "dataset":
            await self._append_to_dataset(f"{partition}-{sequence}", step.results)

    @property
    def _sends_events(self) -> bool:
        return self._stream.definition.sink == "event"

    async def _write(self, partition: int, step: Step) -> None:
        if self._claimed is None:
            events = [self._event(partition, item) for item in step.results] if self._sends_events else []
            await self._windows.put(self._stream, partition, step.results, events)
        else:
            await self._claimed.put([self._with_event(partition, item) for item in changes_of(step)])

    def _with_event(self, partition: int, change: WindowChange) -> WindowChange:
        if not self._sends_events or change.result is None:
            return change
        if not self._stream.definition.has_early_sessions:
            return replace(change, event=self._event(partition, change.result))
        replaces = [{"start": text_of(start), "end": text_of(end)} for start, end in change.replaced]
        return replace(change, event=self._event(partition, change.result, replaces=replaces))

    def _event(self, partition: int, result: WindowResult, **further: Any) -> Event:
        """An event for each pane; its id is the same whenever it is delivered."""
        seed = f"{self._stream.incarnation}|{window_key(result, partition)}|{result.pane}|{result.final}"
        data = {"stream": self._stream.name, **described(result), **further}
        return Event(EVENT, self._stream.name, data, id=blake2b(seed.encode(), digest_size=16).hexdigest())

    async def _append_to_dataset(self, step: str, results: Sequence[WindowResult]) -> None:
        """Final results, of which a window has one, as CSV rows: a block in the blob for each step, by its name."""
        rows = [_csv([*_bounds(result), *self._cells(result)]) for result in results if result.final]
        if rows:
            head = _csv(["key", "start", "end", *self._columns])
            await self._datasets.add_blocks(dataset_blob(self._stream), {"": head, step: b"".join(rows)})

    def _cells(self, result: WindowResult) -> list[Any]:
        return ["" if result.values[name] is None else result.values[name] for name in self._columns]


def described(result: WindowResult) -> dict[str, Any]:
    """A result as JSON."""
    return {
        "key": result.key,
        "start": text_of(result.start),
        "end": text_of(result.end),
        "pane": result.pane,
        "final": result.final,
        "values": dict(result.values),
    }


def late_prefix(stream: StoredStream) -> str:
    """Where the late messages of a stream lie."""
    return f"late/{encode_key(stream.tenant)}/{stream.incarnation}/"


def dataset_blob(stream: StoredStream) -> str:
    """The blob of the dataset that a stream fills: its id is the stream's incarnation."""
    return f"{encode_key(stream.tenant)}/{stream.incarnation}"


def _bounds(result: WindowResult) -> list[str]:
    return [result.key, text_of(result.start), text_of(result.end)]


def _csv(cells: Sequence[Any]) -> bytes:
    text = StringIO()
    writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
