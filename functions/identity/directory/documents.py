"""Documents of one kind in the table `directory`: partition tenant, key `<kind>|<id>`, column `document` (JSON)."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from chassis.messaging.events import Event
from chassis.models import Contract
from chassis.storage.rows import Delete, Insert, Replace, Row
from functions.identity.tables import Table

TABLE = "directory"
Value = TypeVar("Value", bound=Contract)


@dataclass(frozen=True)
class Stored(Generic[Value]):
    """A document; `etag` is what callers see, `row_etag` the storage's own."""

    id: str
    value: Value
    etag: str
    row_etag: str


class Documents(Generic[Value]):
    """The documents of one kind."""

    def __init__(self, table: Table, kind: str, model: type[Value]) -> None:
        self._table, self._kind, self._model = table, kind, model

    async def get(self, tenant: str, id: str) -> Stored[Value] | None:
        """A document; None when the tenant has none of this id."""
        row = await self._table.get(tenant, f"{self._kind}|{id}")
        return None if row is None else self._read(row)

    async def scan(
        self, tenant: str, after: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Stored[Value]]:
        """The tenant's documents in order of ids, from behind `after`."""
        prefix = f"{self._kind}|"
        async for row in self._table.query(
            tenant, prefix=prefix, after=None if after is None else prefix + after, limit=limit
        ):
            yield self._read(row)

    async def insert(self, tenant: str, id: str, value: Value, event: Event) -> Stored[Value]:
        """A new document. Raises RowExists."""
        text = _json(value)
        await self._table.commit(tenant, [Insert(f"{self._kind}|{id}", {"document": text})], [event])
        return Stored(id, value, _etag(text), "")

    async def replace(self, tenant: str, old: Stored[Value], value: Value, event: Event) -> Stored[Value]:
        """The next version of a document. Raises RowChanged when it is not the present one that was read."""
        text = _json(value)
        change = Replace(f"{self._kind}|{old.id}", {"document": text}, old.row_etag)
        await self._table.commit(tenant, [change], [event])
        return Stored(old.id, value, _etag(text), "")

    async def delete(self, tenant: str, old: Stored[Value], event: Event) -> None:
        """Remove a document. Raises RowChanged as `replace` does."""
        await self._table.commit(tenant, [Delete(f"{self._kind}|{old.id}", old.row_etag)], [event])

    def _read(self, row: Row) -> Stored[Value]:
        text = str(row["document"])
        id = row.key.partition("|")[2]
        return Stored(id, self._model.model_validate_json(text), _etag(text), row.etag)


def _json(value: Contract) -> str:
    return value.model_dump_json(by_alias=True)


def _etag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
