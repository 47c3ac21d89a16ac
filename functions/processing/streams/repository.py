"""What streams store in tables: definitions, and the windows' results."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.messaging.events import Event
from chassis.storage.keys import encode_key
from chassis.storage.tables import Row, Table, Upsert
from chassis.work import WorkContext
from functions.processing.streams.claimed_rows import ClaimedRows
from functions.processing.streams.definition import StreamDefinition
from functions.processing.streams.state import WindowResult
from functions.processing.streams.window_rows import result_of, time_key, values_of, window_key

ROWS_AT_ONCE = 50
"""With an event for each, a transaction of 100."""


@dataclass(frozen=True)
class StoredStream:
    """A stream with its owner. Another `incarnation` is another stream, even of the same name."""

    tenant: str
    name: str
    incarnation: str
    definition: StreamDefinition
    work: WorkContext
    created_at: datetime

    @property
    def target(self) -> str:
        """As envelopes name it."""
        return f"stream:{self.name}"

    @property
    def windows_partition(self) -> str:
        """The table partition of its results."""
        return f"{self.tenant}|{self.incarnation}"

    def prefix(self, partition: int) -> str:
        """Where its state on a partition lies."""
        return f"{partition}/{encode_key(self.tenant)}/{self.name}/{self.incarnation}"


class StreamRepository:
    """Definitions: partition tenant, key name."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(self, tenant: str, name: str) -> StoredStream | None:
        """The stream, or None."""
        row = await self._table.get(tenant, name)
        return None if row is None else _stream(row)

    async def all(self, tenant: str) -> AsyncIterator[StoredStream]:
        """A tenant's streams by name."""
        async for row in self._table.query(tenant):
            yield _stream(row)

    async def add(self, stream: StoredStream) -> None:
        """Store a new one. Raises RowExists."""
        values = {
            "incarnation": stream.incarnation,
            # As bytes: a column takes twice as many of them as of text.
            "definition": stream.definition.model_dump_json(by_alias=True).encode(),
            "work": stream.work.model_dump_json(),
            "created": stream.created_at,
        }
        await self._table.insert(stream.tenant, stream.name, values)

    async def remove(self, stream: StoredStream) -> None:
        """Forget the definition."""
        await self._table.delete(stream.tenant, stream.name)


class WindowRepository:
    """Results: partition `tenant|incarnation`, key start, end, partition and key of the window.

    The claims on windows that are given more than once sort before them; see `ClaimedRows`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    async def put(
        self, stream: StoredStream, partition: int, results: Sequence[WindowResult], events: Sequence[Event] = ()
    ) -> None:
        """Write results of windows that are given once, with the events of the same. May be repeated."""
        for at in range(0, len(results), ROWS_AT_ONCE):
            chunk = results[at : at + ROWS_AT_ONCE]
            rows = {window_key(result, partition): values_of(result) for result in chunk}
            changes = [Upsert(key, values) for key, values in rows.items()]
            await self._table.commit(stream.windows_partition, changes, events[at : at + ROWS_AT_ONCE])

    async def claimed(self, stream: StoredStream, partition: int) -> ClaimedRows:
        """The rows of a stream with many panes on a partition, which this node is the one to write from now on."""
        return await ClaimedRows.claimed(self._table, stream.windows_partition, partition)

    async def page(
        self, stream: StoredStream, *, first: int, last: int | None, after: str | None, limit: int
    ) -> list[tuple[str, WindowResult]]:
        """Results with their row keys whose start is in [first, last), in order of start, from after a key on."""
        begin = max(time_key(first), after or "")
        found: list[tuple[str, WindowResult]] = []
        async for row in self._table.query(stream.windows_partition, after=begin, limit=limit):
            result = result_of(row)
            if last is not None and result.start >= last:
                break
            found.append((row.key, result))
        return found

    async def forget(self, stream: StoredStream) -> None:
        """Remove all results."""
        async for row in self._table.query(stream.windows_partition):
            await self._table.delete(stream.windows_partition, row.key)


def _stream(row: Row) -> StoredStream:
    return StoredStream(
        tenant=row.partition,
        name=row.key,
        incarnation=row["incarnation"],
        definition=StreamDefinition.model_validate_json(row["definition"]),
        work=WorkContext.model_validate_json(row["work"]),
        created_at=row["created"].astimezone(UTC),
    )
