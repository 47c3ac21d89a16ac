"""What the workflow service stores of definitions and of starts that are under way.

Table `workflowdefinitions`: partition tenant, key `<namespace>!<name>!<version>`. A document that is too long for a
row lies in the container `workflow-definitions` under its digest (claim check).
Table `workflowstarts`: partition tenant, key instance id; a row stands for an instance that may not run yet.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

from chassis.messaging.events import Event
from chassis.storage.blobs import Container
from chassis.storage.rows import Insert, Replace, Row
from chassis.storage.tables import Table

DEFINITIONS = "workflowdefinitions"
STARTS = "workflowstarts"
CONTAINER = "workflow-definitions"
INLINE_CHARS = 30_000


class DefinitionStore:
    """Definitions of all tenants; immutable once stored."""

    def __init__(self, table: Table, container: Container) -> None:
        self._table = table
        self._container = container

    async def add(self, tenant: str, key: str, frozen: str, values: dict[str, Any], event: Event) -> None:
        """Store a definition with its event. Raises RowExists when its version is taken."""
        digest = hashlib.sha256(frozen.encode()).hexdigest()
        row = {**values, "digest": digest}
        if len(frozen) <= INLINE_CHARS:
            row["document"] = frozen
        else:
            await self._container.put(f"{tenant}/{digest}.json", frozen.encode(), content_type="application/json")
        await self._table.commit(tenant, [Insert(key, row)], [event])

    async def get(self, tenant: str, key: str) -> Row | None:
        """The definition's row without its document."""
        return await self._table.get(tenant, key)

    async def document(self, row: Row) -> str:
        """The frozen text of a stored definition."""
        inline = row.get("document")
        if inline is not None:
            return str(inline)
        content = await self._container.get(f"{row.partition}/{row['digest']}.json")
        if content is None:
            raise RuntimeError(f"the document of definition {row.key} is not in its container")
        return content.decode()

    async def change(self, row: Row, values: dict[str, Any], event: Event) -> None:
        """Change what is not the document, with an event. Raises RowChanged when another change came first."""
        await self._table.commit(row.partition, [Replace(row.key, {**row.values, **values}, row.etag)], [event])

    async def page(
        self,
        tenant: str,
        *,
        prefix: str | None,
        after: str | None,
        limit: int | None,
        where: str | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> list[Row]:
        """Rows in key order; `where` is an OData filter."""
        found = self._table.query(tenant, prefix=prefix, after=after, limit=limit, where=where, parameters=parameters)
        return [row async for row in found]


class StartStore:
    """Starts that are under way: what a crash between storing an instance and starting it leaves behind."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add(self, tenant: str, instance_id: str) -> None:
        """Note, before the instance is stored, that it is to be started. May be repeated."""
        await self._table.upsert(tenant, instance_id, {"since": datetime.now(UTC)})

    def done(self, tenant: str, instance_id: str) -> None:
        """The instance runs, or never came to be; soon nothing is to be finished any more."""
        self._table.remove_soon(tenant, instance_id)

    async def older_than(self, moment: datetime) -> list[tuple[str, str]]:
        """(tenant, instance id) of starts that have not been finished since that time, over all tenants."""
        return [(row.partition, row.key) async for row in self._table.query() if row["since"] < moment]
