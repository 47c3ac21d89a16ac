"""Rows of windows that are given more than once: a result is written as the rows that it takes the place of go.

A row of former bounds would look like a further window for ever, and an earlier pane like the last one. So nothing may
write them after they were replaced: a node that opens a stream claims its rows on the partition, and every transaction
asks that no other node has claimed them since. A node that has lost the partition without noticing is refused, and what
it left out the other has delivered.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from chassis.messaging.events import Event
from chassis.storage.rows import Change, Delete, Replace, RowChanged, Upsert
from chassis.storage.tables import Table
from functions.processing.streams.state import Step, WindowResult
from functions.processing.streams.window_rows import row_key, values_of, window_key
from functions.processing.streams.windows import Bounds

MAX_CHANGES = 99
"""A transaction takes 100; one is the claim."""


@dataclass(frozen=True)
class WindowChange:
    """The result of one key's window (None: HAVING leaves it out) in place of what is known under other bounds."""

    key: str
    result: WindowResult | None
    replaced: tuple[Bounds, ...] = ()
    event: Event | None = None

    @property
    def size(self) -> int:
        """How many changes of a transaction it takes."""
        return len(self.replaced) + (self.result is not None) + (self.event is not None)


def changes_of(step: Step) -> list[WindowChange]:
    """What a step of a stream does to the rows."""
    results = {(result.key, result.start, result.end): result for result in step.results}
    keyed = [(pane.key, pane) for pane in step.fired if pane.key is not None]
    found = [WindowChange(key, results.pop((key, *pane.bounds), None), pane.replaced) for key, pane in keyed]
    found += [WindowChange(result.key, result) for result in results.values()]
    return [change for change in found if change.size]


class ClaimedRows:
    """The rows on one partition. Not shared between tasks; after an error they are to be claimed again."""

    def __init__(self, table: Table, rows: str, partition: int, etag: str) -> None:
        self._table, self._rows, self._partition, self._etag = table, rows, partition, etag

    @classmethod
    async def claimed(cls, table: Table, rows: str, partition: int) -> "ClaimedRows":
        """Claim the rows of a partition, `rows` being their partition of the table; earlier claims are void."""
        (etag,) = await table.commit(rows, [Upsert(_claim_key(partition), _a_claim())])
        return cls(table, rows, partition, etag)

    async def put(self, changes: Sequence[WindowChange]) -> None:
        """Write results and remove what they replace, with their events. May be repeated, in the same order.

        Raises RowChanged when another node has claimed the rows, or may have: then nothing more is written.
        """
        for transaction in _transactions(changes):
            await self._commit(transaction)

    async def _commit(self, changes: Sequence[WindowChange]) -> None:
        written = [
            Upsert(window_key(item.result, self._partition), values_of(item.result)) for item in changes if item.result
        ]
        gone = [row_key(self._partition, item.key, bounds) for item in changes for bounds in item.replaced]
        events = [item.event for item in changes if item.event]
        try:
            await self._claiming([*written, *map(Delete, gone)], events)
        except RowChanged:
            # Rows may be gone already: of a step that is delivered again, or of a session that was left out before.
            there = [key for key in gone if await self._table.get(self._rows, key) is not None]
            if len(there) == len(gone):
                raise
            await self._claiming([*written, *map(Delete, there)], events)

    async def _claiming(self, changes: Sequence[Change], events: Sequence[Event]) -> None:
        claim = Replace(_claim_key(self._partition), _a_claim(), self._etag)
        self._etag, *_ = await self._table.commit(self._rows, [claim, *changes], events)


def _transactions(changes: Sequence[WindowChange]) -> Iterator[list[WindowChange]]:
    """As few as have room; a session in place of more than one can remove loses the first of them before."""
    taken: list[WindowChange] = []
    for change in changes:
        for item in _fitting(change):
            if taken and sum(other.size for other in taken) + item.size > MAX_CHANGES:
                yield taken
                taken = []
            taken.append(item)
    if taken:
        yield taken


def _fitting(change: WindowChange) -> Iterator[WindowChange]:
    room = MAX_CHANGES - 2
    rest = change.replaced
    while len(rest) > room:
        yield WindowChange(change.key, None, rest[:room])
        rest = rest[room:]
    yield WindowChange(change.key, change.result, rest, change.event)


def _claim_key(partition: int) -> str:
    """Before all times."""
    return f"-claim|{partition}"


def _a_claim() -> dict[str, str]:
    return {"claim": uuid4().hex}
