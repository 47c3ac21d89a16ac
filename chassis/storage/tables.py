"""Tables: rows by tenant, ETag concurrency, and transactions that carry their events (outbox)."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables import TableErrorCode, TableTransactionError
from azure.data.tables.aio import TableClient, TableServiceClient

from chassis.errors import DependencyUnavailable
from chassis.messaging.events import Event
from chassis.messaging.message import Announced
from chassis.messaging.outbox import OUTBOX_PREFIX, Outbox
from chassis.storage.account import answers, open_service
from chassis.storage.deadlines import TABLE_OPTIONS
from chassis.storage.keys import after_prefix, encode_key
from chassis.storage.removals import Removals
from chassis.storage.rows import (
    Change,
    Delete,
    Insert,
    Replace,
    Row,
    RowChanged,
    RowExists,
    Upsert,
    Value,
    from_entity,
    to_entity,
)
from chassis.storage.table_requests import error_code, filters, operation, submit, translated

__all__ = ["Delete", "Insert", "Replace", "Row", "RowChanged", "RowExists", "Table", "Tables", "Upsert"]


class Table:
    """One table. Keys are any text; values: str (< 32 Ki characters), int, float, bool, datetime, bytes (< 64 KiB)."""

    def __init__(
        self, name: str, open_client: Callable[[str], TableClient], outbox: Outbox, removals: Removals
    ) -> None:
        self.name = name
        self._open_client = open_client
        self._outbox = outbox
        self._removals = removals

    async def get(self, partition: str, key: str) -> Row | None:
        """The row, or None. Raises DependencyUnavailable when storage can't be reached."""
        try:
            return from_entity(
                await self._run(lambda c: c.get_entity(encode_key(partition), encode_key(key)), create=False)
            )
        except ResourceNotFoundError:
            return None

    async def insert(self, partition: str, key: str, values: Mapping[str, Value]) -> None:
        """Add a row. Raises RowExists when there is one."""
        await self.commit(partition, [Insert(key, values)])

    async def upsert(self, partition: str, key: str, values: Mapping[str, Value]) -> None:
        """Write a row, whatever was there."""
        await self.commit(partition, [Upsert(key, values)])

    async def replace(self, partition: str, key: str, values: Mapping[str, Value], etag: str) -> None:
        """Write a row in place of the version with that ETag. Raises RowChanged otherwise."""
        await self.commit(partition, [Replace(key, values, etag)])

    async def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        """Remove a row; one that is not there is no error, one with another ETag raises RowChanged."""
        options: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        try:
            await self._run(lambda c: c.delete_entity(encode_key(partition), encode_key(key), **options))
        except ResourceNotFoundError:
            return
        except (ResourceModifiedError, HttpResponseError) as error:
            raise translated(error, self.name) from error

    async def query(
        self,
        partition: str | None = None,
        *,
        prefix: str | None = None,
        after: str | None = None,
        where: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Row]:
        """Rows in key order, of one partition or all; outbox rows are never among them.

        `prefix` and `after` bound the row key, `where` is a further OData filter with @parameters.
        """
        condition, values = filters(partition, prefix, after, where, dict(parameters or {}))
        client = self._open_client(self.name)
        found = 0
        try:
            async for entity in client.query_entities(condition, parameters=values, results_per_page=limit):
                yield from_entity(entity)
                found += 1
                if limit is not None and found >= limit:
                    return
        except ResourceNotFoundError:
            return
        except (ServiceRequestError, ServiceResponseError) as error:
            raise DependencyUnavailable(f"table {self.name} can't be reached") from error

    async def commit(
        self, partition: str, changes: Sequence[Change], events: Sequence[Event | Announced] = ()
    ) -> list[str]:
        """Make the changes and announce the events, all or nothing; gives each change's new ETag ("": removed).

        The events lie in the same transaction (outbox), many in one row, and are published after it, at least once.
        At most 100 changes and rows of events.
        Raises RowExists or RowChanged when a change's condition fails, then nothing is written.
        """
        pk = encode_key(partition)
        pending = self._outbox.rows(events)
        operations = [operation(pk, change) for change in changes]
        operations += [("create", to_entity(pk, row.key, row.values)) for row in pending]
        try:
            etags: list[str] = await self._run(lambda c: submit(c, operations))
        except HttpResponseError as error:
            raise translated(error, self.name) from error
        if pending:
            self._outbox.publish_soon(self, partition, pending)
        return etags[: len(changes)]

    def announced(self, event: Event) -> Announced:
        """The event made in the present call context, to be committed later, perhaps in another."""
        return self._outbox.announced(event)

    async def outbox_rows(self, limit: int = 500) -> list[Row]:
        """Events that are committed and not yet known to be published, over all partitions."""
        client = self._open_client(self.name)
        condition = "RowKey ge @low and RowKey lt @high"
        bounds = {"low": OUTBOX_PREFIX, "high": after_prefix(OUTBOX_PREFIX)}
        rows: list[Row] = []
        try:
            async for entity in client.query_entities(condition, parameters=bounds):
                rows.append(from_entity(entity))
                if len(rows) >= limit:
                    break
        except ResourceNotFoundError:
            return []
        return rows

    def remove_soon(self, partition: str, *keys: str) -> None:
        """Remove rows a little later, together with others; for rows that are found again if a crash keeps them."""
        self._removals.soon(self, partition, [encode_key(key) for key in keys])

    def remove_event_soon(self, partition: str, key: str) -> None:
        """The same for a published row of the outbox."""
        self._removals.soon(self, partition, [key])

    async def remove_stored(self, partition: str, keys: Sequence[str]) -> None:
        """Remove rows, by their stored keys, in one go (at most 100); where one is gone already, one by one."""
        keys = list(dict.fromkeys(keys))
        if len(keys) > 1:
            deletes = [("delete", {"PartitionKey": encode_key(partition), "RowKey": key}) for key in keys]
            with contextlib.suppress(TableTransactionError, ResourceNotFoundError):
                await self._run(lambda c: c.submit_transaction(deletes))
                return
        for key in keys:
            with contextlib.suppress(ResourceNotFoundError):
                await self._run(lambda c, key=key: c.delete_entity(encode_key(partition), key))  # type: ignore[misc]

    async def _run(self, call: Callable[[TableClient], Awaitable[Any]], *, create: bool = True) -> Any:
        client = self._open_client(self.name)
        try:
            try:
                return await call(client)
            except (ResourceNotFoundError, TableTransactionError) as error:
                if not create or error_code(error) != TableErrorCode.TABLE_NOT_FOUND.value:
                    raise
                await _create(client)
                return await call(client)
        except (ServiceRequestError, ServiceResponseError) as error:
            raise DependencyUnavailable(f"table {self.name} can't be reached") from error


class Tables:
    """The tables of one storage account; a table is created when it is first found missing."""

    def __init__(self, connection: str, outbox: Outbox) -> None:
        self._connection = connection
        self._outbox = outbox
        self._removals = Removals()
        self._service: TableServiceClient | None = None
        self._clients: dict[str, TableClient] = {}

    def table(self, name: str) -> Table:
        """A table by name (letters and digits, 3 to 63)."""
        return Table(name, self._client, self._outbox, self._removals)

    async def check(self) -> None:
        """Raise when the table service does not answer."""
        await answers(self._open().get_service_properties)

    async def settle(self) -> None:
        """Remove what waits for it."""
        await self._removals.settle()

    async def close(self) -> None:
        """Remove what waits for it, and close the connections."""
        await self.settle()
        if self._service is not None:
            await self._service.close()
            self._service, self._clients = None, {}

    def _client(self, name: str) -> TableClient:
        if name not in self._clients:
            self._clients[name] = self._open().get_table_client(name)
        return self._clients[name]

    def _open(self) -> TableServiceClient:
        if self._service is None:
            self._service = open_service(TableServiceClient, self._connection, "table", **TABLE_OPTIONS)
        return self._service


async def _create(client: TableClient) -> None:
    try:
        await client.create_table()
    except ResourceExistsError:
        return
