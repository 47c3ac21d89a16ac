"""What the audit service stores: one log per tenant, appended to in entity group transactions."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.storage.blobs import Container
from chassis.storage.rows import Row, RowChanged, RowExists
from chassis.storage.tables import Table
from functions.audit import rows
from functions.audit.entry import Entry
from functions.audit.tiles import TileAddress, TreeHead, append

MAX_ENTRIES = (100 - rows.ROWS_PER_APPEND) // rows.ROWS_PER_ENTRY
"""Entries in one append: an entity group transaction takes 100 rows."""


class AppendLost(Exception):
    """Another process appended first, or an event is there already; nothing was written."""


@dataclass(frozen=True)
class StoredHead:
    """The head as stored; `time` is None for a log without leaves."""

    tree: TreeHead
    time: datetime | None


@dataclass(frozen=True)
class StoredLeaf:
    """A leaf as stored: its place, hash and exact bytes."""

    index: int
    leaf_hash: bytes
    leaf: bytes


@dataclass(frozen=True)
class LeafFilter:
    """What leaves must match; None matches all."""

    correlation_id: str | None = None
    trace_id: str | None = None
    type: str | None = None
    subject: str | None = None


class LogRepository:
    """The logs of all tenants. Every method names the tenant, and no query leaves its partition."""

    def __init__(self, table: Table, container: Container) -> None:
        self._table = table
        self._container = container

    @property
    def table_name(self) -> str:
        """The table that holds the logs."""
        return self._table.name

    async def head(self, tenant: str) -> StoredHead:
        """The tenant's head; an empty tree when nothing was appended yet."""
        row = await self._table.get(tenant, rows.HEAD)
        return StoredHead(rows.read_head(row), row["time"] if row else None)

    async def append(self, head: TreeHead, entries: Sequence[Entry]) -> TreeHead:
        """Append entries of one tenant (at most MAX_ENTRIES) after `head`, all or none; returns the new head.

        Two that append after the same head insert the same leaf row, so one of them is refused: the leaf's key is
        the lock. Raises AppendLost then, and when an event is already in the log.
        """
        await self._put_large_leaves(entries)
        new, full = append(head, [entry.leaf_hash for entry in entries])
        changes = rows.head_changes(new, full)
        for index, entry in enumerate(entries, start=head.size):
            changes += rows.entry_changes(index, entry)
        try:
            await self._table.commit(entries[0].tenant, changes)
        except (RowExists, RowChanged) as error:
            raise AppendLost from error
        return new

    async def known(self, tenant: str, event_keys: Iterable[str]) -> set[str]:
        """Those of the event keys that are in the log already."""
        keys = list(event_keys)
        found = await asyncio.gather(*(self._table.get(tenant, rows.id_key(key)) for key in keys))
        return {key for key, row in zip(keys, found, strict=True) if row is not None}

    async def tiles(self, tenant: str, addresses: Iterable[TileAddress]) -> dict[TileAddress, bytes]:
        """Full tiles by address. They never change, so a caller may keep them."""
        wanted = list(addresses)
        found = await asyncio.gather(*(self._table.get(tenant, rows.tile_key(address)) for address in wanted))
        return {address: bytes(row["hashes"]) for address, row in zip(wanted, found, strict=True) if row is not None}

    async def leaf(self, tenant: str, index: int) -> StoredLeaf | None:
        """One leaf, or None."""
        row = await self._table.get(tenant, rows.leaf_key(index))
        return await self._stored_leaf(row) if row else None

    async def leaves(
        self, tenant: str, wanted: LeafFilter, after: int, limit: int
    ) -> tuple[list[StoredLeaf], int | None]:
        """Leaves with an index above `after`, in order, and the index to go on after; None at the end.

        A page may hold fewer than `limit` leaves, or none, and still not be the last.
        """
        last: int | None = None
        if kind_and_value := _indexed(wanted):
            found = await self._indexes(tenant, *kind_and_value, after, limit)
            if not found:
                return [], None
            after, last = found[0] - 1, found[-1]
        page = await self._scan(tenant, wanted, after, last, limit)
        leaves = list(await asyncio.gather(*map(self._stored_leaf, page)))
        if last is not None:
            return leaves, last if len(found) == limit else None
        return leaves, leaves[-1].index if len(leaves) == limit else None

    async def _indexes(self, tenant: str, kind: str, value: str, after: int, limit: int) -> list[int]:
        prefix = rows.index_prefix(kind, value)
        start = f"{prefix}{after:015d}" if after >= 0 else None
        return [rows.index_of(row) async for row in self._table.query(tenant, prefix=prefix, after=start, limit=limit)]

    async def _scan(self, tenant: str, wanted: LeafFilter, after: int, last: int | None, limit: int) -> list[Row]:
        conditions = {
            "correlationId": rows.column(wanted.correlation_id),
            "traceId": wanted.trace_id,
            "type": rows.column(wanted.type),
            "subject": rows.column(wanted.subject),
        }
        parameters = {name: value for name, value in conditions.items() if value is not None}
        parts = [f"{name} eq @{name}" for name in parameters]
        if last is not None:
            parts.append("RowKey le @last")
            parameters["last"] = rows.leaf_key(last)
        start = rows.leaf_key(after) if after >= 0 else None
        where = " and ".join(parts) or None
        query = self._table.query(tenant, prefix="leaf|", after=start, where=where, parameters=parameters, limit=limit)
        return [row async for row in query]

    async def _stored_leaf(self, row: Row) -> StoredLeaf:
        leaf = row.get("leaf")
        if leaf is None:
            leaf = await self._container.get(row["blob"])
            if leaf is None:
                raise RuntimeError(f"the blob of leaf {row.key} is gone")
        return StoredLeaf(rows.index_of(row), bytes(row["leafHash"]), bytes(leaf))

    async def _put_large_leaves(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if len(entry.leaf) > rows.INLINE_LEAF_BYTES:
                await self._container.put(rows.leaf_blob(entry), entry.leaf, content_type="application/json")


def _indexed(wanted: LeafFilter) -> tuple[str, str] | None:
    if wanted.correlation_id is not None:
        return "correlation", wanted.correlation_id
    if wanted.trace_id is not None:
        return "trace", wanted.trace_id
    return None
