"""A tenant's secrets: their values go to the store and come back to nobody; names and times are the table's.

Table `workflowsecrets`: partition tenant, key the name.
"""

import json
from datetime import UTC, datetime
from typing import Any

from chassis.messaging.events import Event
from chassis.secrets.store import SecretStore
from chassis.storage.rows import Delete, Row, Upsert
from chassis.storage.tables import Table
from functions.workflow.errors import SecretTooLarge
from functions.workflow.schemas import SecretHead, SecretPage

TABLE = "workflowsecrets"
MAX_SECRET_BYTES = 16_384
"""A value as JSON. Azure Key Vault takes 25 KB."""


class Secrets:
    """The secrets of all tenants; every method names the tenant it acts for, and may be repeated."""

    def __init__(self, table: Table, store: SecretStore) -> None:
        self._table = table
        self._store = store

    async def put(self, tenant: str, name: str, value: Any) -> SecretHead:
        """Keep a value, in place of the one there was. Raises SecretTooLarge."""
        size = len(json.dumps(value, ensure_ascii=False).encode())
        if size > MAX_SECRET_BYTES:
            raise SecretTooLarge(f"{size} bytes, at most {MAX_SECRET_BYTES}")
        await self._store.put(tenant, name, value)
        head = SecretHead(name=name, updated_at=_now())
        event = Event("workflow.secret.stored", name, {"name": name})
        await self._table.commit(tenant, [Upsert(name, {"updated_at": head.updated_at})], [event])
        return head

    async def delete(self, tenant: str, name: str) -> None:
        """Forget a secret, if there is one."""
        await self._store.delete(tenant, name)
        if await self._table.get(tenant, name) is not None:
            event = Event("workflow.secret.deleted", name, {"name": name})
            await self._table.commit(tenant, [Delete(name)], [event])

    async def page(self, tenant: str, after: str | None, limit: int) -> SecretPage:
        """Names and times in order of the names."""
        rows = [row async for row in self._table.query(tenant, after=after, limit=limit)]
        heads = [_head(row) for row in rows]
        return SecretPage(items=heads, next=heads[-1].name if len(heads) == limit else None)


def _head(row: Row) -> SecretHead:
    return SecretHead(name=row.key, updated_at=row["updated_at"])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
