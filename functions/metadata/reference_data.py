"""Reference data: a set is one document with an ETag, so that it is read and replaced as a whole, never half.

One row per set (`set|<name>`) in the tenant's partition; its document lies in the row or in a blob of its revision.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chassis.http.preconditions import Precondition, require
from chassis.messaging.events import Event
from chassis.storage.rows import Insert, Replace, Row, RowChanged, RowExists
from chassis.storage.tables import Table
from functions.metadata.errors import DocumentTooLarge, ETagMismatch
from functions.metadata.etags import etag_of
from functions.metadata.schema_document import digest_of, text_of
from functions.metadata.text_store import TextStore

UPDATED = "metadata.reference-data.updated"
MAX_SET_BYTES = 8 * 1024 * 1024
MAX_ITEMS = 50_000
MAX_ATTEMPTS = 10


@dataclass(frozen=True)
class ReferenceSet:
    """A set as stored; revision 0 stands for one that does not exist."""

    name: str
    revision: int = 0
    etag: str = ""
    count: int = 0
    updated_at: datetime | None = None
    items: dict[str, Any] = field(default_factory=dict)


Edit = Callable[[ReferenceSet], dict[str, Any]]
"""The items that a set is to have, from what it has. May raise ETagMismatch; may run several times."""


class ReferenceData:
    """All sets. Every method names the tenant and stays in its partition."""

    def __init__(self, table: Table, texts: TextStore) -> None:
        self._table = table
        self._texts = texts

    async def put_set(
        self, tenant: str, name: str, items: dict[str, Any], condition: Precondition | None
    ) -> tuple[ReferenceSet, bool]:
        """Replace the whole set; returns it and whether it is new. Raises ETagMismatch, DocumentTooLarge."""

        def edit(present: ReferenceSet) -> dict[str, Any]:
            require(condition, present.etag or None, ETagMismatch)
            return items

        before, after = await self._change(tenant, name, edit)
        return after, before.revision == 0

    async def put_item(
        self, tenant: str, name: str, key: str, value: Any, condition: Precondition | None
    ) -> tuple[ReferenceSet, bool]:
        """Set one item; returns the set and whether the item is new. `condition` is about the item's own ETag."""

        def edit(present: ReferenceSet) -> dict[str, Any]:
            require(condition, item_etag(present.items[key]) if key in present.items else None, ETagMismatch)
            return {**present.items, key: value}

        before, after = await self._change(tenant, name, edit)
        return after, key not in before.items

    async def get(self, tenant: str, name: str) -> ReferenceSet | None:
        """The set with its items, or None."""
        for _ in range(MAX_ATTEMPTS):
            row = await self._table.get(tenant, f"set|{name}")
            if row is None:
                return None
            items = await self._texts.recall(row)
            if items is not None:
                return _set_of(row, items)
        raise ETagMismatch(f"{name} is being changed by others all the time")

    async def heads(self, tenant: str, after: str | None, limit: int) -> AsyncIterator[ReferenceSet]:
        """The sets above `after` in order of names, without their items."""
        start = f"set|{after}" if after else None
        async for row in self._table.query(tenant, prefix="set|", after=start, limit=limit):
            yield _set_of(row, {})

    async def _change(self, tenant: str, name: str, edit: Edit) -> tuple[ReferenceSet, ReferenceSet]:
        """The set before and after; the same one when the edit changes nothing."""
        for _ in range(MAX_ATTEMPTS):
            row = await self._table.get(tenant, f"set|{name}")
            items = await self._texts.recall(row) if row else {}
            if items is None:
                continue  # its blob was replaced between the two reads
            before = _set_of(row, items) if row else ReferenceSet(name)
            wanted = edit(before)
            if row is not None and wanted == items and digest_of(wanted) == row["digest"]:
                return before, before
            try:
                return before, await self._store(tenant, before, row, wanted)
            except (RowExists, RowChanged):
                continue
        raise ETagMismatch(f"{name} is being changed by others all the time")

    async def _store(self, tenant: str, before: ReferenceSet, row: Row | None, items: dict[str, Any]) -> ReferenceSet:
        text = text_of(items)
        if len(text) > MAX_SET_BYTES or len(items) > MAX_ITEMS:
            raise DocumentTooLarge(f"a set has at most {MAX_ITEMS} items and {MAX_SET_BYTES} bytes")
        name, revision, digest, now = before.name, before.revision + 1, digest_of(items), datetime.now(UTC)
        columns = await self._texts.keep(f"{tenant}/referencedata/{name}/{revision}-{digest}", text)
        values = {"revision": revision, "digest": digest, "count": len(items), "updatedAt": now, **columns}
        key, etag = f"set|{name}", etag_of(digest, revision)
        change = Insert(key, values) if row is None else Replace(key, values, row.etag)
        announced = {"set": name, "revision": revision, "count": len(items), "etag": etag}
        await self._table.commit(tenant, [change], [Event(UPDATED, name, announced)])
        if row is not None:
            await self._texts.forget(row)
        return ReferenceSet(name, revision, etag, len(items), now, items)


def item_etag(value: Any) -> str:
    """The ETag of one item: made of its value."""
    return etag_of(digest_of(value))


def _set_of(row: Row, items: dict[str, Any]) -> ReferenceSet:
    revision = int(row["revision"])
    return ReferenceSet(
        name=row.key.partition("|")[2],
        revision=revision,
        etag=etag_of(row["digest"], revision),
        count=int(row["count"]),
        updated_at=row["updatedAt"],
        items=items,
    )
