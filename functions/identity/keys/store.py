"""The ring in its table: one row, so that of several replicas that rotate at once one wins."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.messaging.events import Event
from chassis.storage.rows import Insert, Replace
from functions.identity.keys.ring import KeyRing
from functions.identity.tables import Table

TABLE = "signingkeys"
PARTITION, ROW = "platform", "ring"


@dataclass(frozen=True)
class StoredRing:
    """A ring and the version of its row."""

    ring: KeyRing
    etag: str


class RingStore:
    """Partition `platform`, key `ring`, column `ring`: the public part as JSON."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def read(self) -> StoredRing | None:
        """The present ring; None before the first start."""
        row = await self._table.get(PARTITION, ROW)
        return None if row is None else StoredRing(KeyRing.model_validate_json(row["ring"]), row.etag)

    async def write(self, ring: KeyRing, etag: str | None, events: Sequence[Event]) -> None:
        """Put a ring in place of the one with that ETag; None: of none. Raises RowExists or RowChanged."""
        values = {"ring": ring.model_dump_json(by_alias=True)}
        change = Insert(ROW, values) if etag is None else Replace(ROW, values, etag)
        await self._table.commit(PARTITION, [change], events)
