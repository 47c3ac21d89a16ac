"""The table input and output bindings."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from azure.functions.meta import Datum

from funchost.bindings.ports import BindingData
from funchost.errors import InvocationError
from funchost.expressions import Template
from funchost.storage import StorageConnections

_SYSTEM_KEYS = ("Timestamp", "odata.etag", "ETag")


class TableInput:
    """The matching entities as a JSON list; with partition and row key, the list of that one entity.

    The official host hands functions outside .NET a list even then (azure-functions-python-worker issue 1231); unlike
    it, this host honours the row key.
    """

    def __init__(
        self,
        storage: StorageConnections,
        *,
        connection: str,
        table_name: Template,
        partition_key: Template | None,
        row_key: Template | None,
        filter_: Template | None,
        take: int | None,
    ) -> None:
        self._storage = storage
        self._connection = connection
        self._table_name = table_name
        self._partition_key = partition_key
        self._row_key = row_key
        self._filter = filter_
        self._take = take

    async def read(self, data: BindingData) -> Datum:
        """The list; [] when the entity or the table does not exist."""
        from azure.core.exceptions import ResourceNotFoundError

        table = self._storage.tables(self._connection).get_table_client(self._table_name.render(data))
        try:
            return Datum(json.dumps(await self._query(table, data)), "json")
        except ResourceNotFoundError:
            return Datum("[]", "json")

    async def _query(self, table: Any, data: BindingData) -> list[dict[str, Any]]:
        conditions = []
        for key, template in (("PartitionKey", self._partition_key), ("RowKey", self._row_key)):
            if template:
                conditions.append(f"{key} eq '{_quoted(template.render(data))}'")
        if self._filter:
            conditions.append(f"({self._filter.render({k: _quoted_if_text(v) for k, v in data.items()})})")
        found: list[dict[str, Any]] = []
        async for entity in table.query_entities(" and ".join(conditions), results_per_page=self._take):
            found.append(entity_json(entity))
            if self._take and len(found) >= self._take:
                break
        return found


class TableOutput:
    """Inserts one entity or each of a list; the binding's keys fill those that an entity does not have."""

    def __init__(
        self,
        storage: StorageConnections,
        *,
        connection: str,
        table_name: Template,
        partition_key: Template | None,
        row_key: Template | None,
    ) -> None:
        self._storage = storage
        self._connection = connection
        self._table_name = table_name
        self._partition_key = partition_key
        self._row_key = row_key

    async def write(self, datum: Datum, data: BindingData) -> None:
        """Insert; an entity that exists already fails the invocation, as in the official host."""
        from azure.core.exceptions import ResourceNotFoundError

        service = self._storage.tables(self._connection)
        table_name = self._table_name.render(data)
        table = service.get_table_client(table_name)
        for entity in self._entities(datum, data):
            try:
                await table.create_entity(entity)
            except ResourceNotFoundError:  # of an insert, it means the table
                await service.create_table_if_not_exists(table_name)
                await table.create_entity(entity)

    def _entities(self, datum: Datum, data: BindingData) -> list[dict[str, Any]]:
        try:
            value = json.loads(datum.value)
        except (ValueError, TypeError):
            raise InvocationError("a table output must be a JSON object or a list of them") from None
        keys = {
            name: template.render(data)
            for name, template in (("PartitionKey", self._partition_key), ("RowKey", self._row_key))
            if template
        }
        entities = [{**keys, **entity} for entity in (value if isinstance(value, list) else [value])]
        if any("PartitionKey" not in entity or "RowKey" not in entity for entity in entities):
            raise InvocationError("a table entity needs PartitionKey and RowKey")
        return entities


def entity_json(entity: Mapping[str, Any]) -> dict[str, Any]:
    """An entity as the official host shows it to a function: plain JSON, keys first."""
    return {name: _plain(value) for name, value in entity.items() if name not in _SYSTEM_KEYS}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return getattr(value, "value", value) if isinstance(value, tuple) else value


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _quoted_if_text(value: Any) -> Any:
    """Values from a trigger must not end the quoted text that the filter puts them in."""
    return _quoted(value) if isinstance(value, str) else value
