"""What the monitoring service stores: many records per row, found by trace, gone after the retention time.

A partition is a tenant and the first hex digit of the trace id, so that the traces of one export go in a few
transactions and one trace is one short range of keys. The partition of UNTAGGED holds what carries no tenant.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from time import time
from typing import Generic, Protocol, TypeVar
from uuid import uuid4

from chassis.storage.rows import Change, Delete, Insert, Row
from chassis.storage.tables import Table
from functions.monitoring.packing import pack, unpack
from functions.monitoring.records import InstanceMetrics, MetricPoint

MAX_ROWS = 100
MAX_TRANSACTION_BYTES = 2_000_000
"""An entity group transaction takes 4 MiB, and bytes travel as base64."""

CONCURRENT_COMMITS = 8
PURGE_PAGE = 1_000


class OfTrace(Protocol):
    """A record that belongs to a trace and a tenant."""

    @property
    def trace_id(self) -> str:
        """32 hex digits."""

    @property
    def tenant(self) -> str:
        """Empty for none."""


Record = TypeVar("Record", bound=OfTrace)


class TraceRecords(Generic[Record]):
    """Spans or log records in a table, grouped by trace."""

    def __init__(self, table: Table, kind: type[Record], retention: timedelta) -> None:
        self._table = table
        self._kind = kind
        self._retention = retention

    async def add(self, records: Iterable[Record]) -> None:
        """Store records; the same ones again are stored again (readers drop repeated span ids)."""
        limit = asyncio.Semaphore(CONCURRENT_COMMITS)

        async def commit(partition: str, changes: list[Change]) -> None:
            async with limit:
                await self._table.commit(partition, changes)

        batches = await asyncio.to_thread(self._transactions, records)
        await asyncio.gather(*(commit(partition, changes) for partition, changes in batches))

    async def of_trace(self, tenant: str, trace_id: str) -> list[Record]:
        """The tenant's records of one trace, in no order; UNTAGGED gives those without a tenant."""
        rows = self._table.query(_partition(tenant, trace_id), prefix=f"{trace_id}|")
        return [record async for row in rows for record in unpack(row.values, self._kind)]

    async def purge(self) -> int:
        """Remove what is older than the retention time; returns the number of rows. May be repeated."""
        return await purge(self._table, datetime.now(UTC))

    def _transactions(self, records: Iterable[Record]) -> list[tuple[str, list[Change]]]:
        expires = datetime.now(UTC) + self._retention
        partitions: dict[str, list[tuple[Change, int]]] = defaultdict(list)
        for (tenant, trace_id), group in _by_trace(records).items():
            for packed in pack(group):
                key = f"{trace_id}|{int(time() * 1000):013d}|{uuid4().hex[:8]}"
                row = Insert(key, {"expires": expires, "records": len(group), **packed.columns})
                partitions[_partition(tenant, trace_id)].append((row, packed.size_bytes))
        return [(partition, rows) for partition, sized in partitions.items() for rows in in_transactions(sized)]


class LatestMetrics:
    """The points that each instance of each service exported last: one row per instance."""

    def __init__(self, table: Table, retention: timedelta) -> None:
        self._table = table
        self._retention = retention

    async def put(self, metrics: InstanceMetrics) -> None:
        """Replace what the instance exported before."""
        [packed, *_] = pack(metrics.points)
        expires = datetime.now(UTC) + self._retention
        values = {"expires": expires, "time": datetime.now(UTC), **packed.columns}
        await self._table.upsert(_metrics_partition(metrics.service), metrics.instance, values)

    async def get(self, service: str | None, fresh_for: timedelta) -> list[tuple[InstanceMetrics, datetime]]:
        """What each instance (of one service or all) exported last, and when; old instances are left out."""
        partition = _metrics_partition(service) if service is not None else None
        since = {"since": datetime.now(UTC) - fresh_for}
        rows = self._table.query(partition, where="time ge @since", parameters=since)
        return [(_instance_metrics(row), row["time"]) async for row in rows]

    async def purge(self) -> int:
        """Remove instances that have been silent for the retention time."""
        return await purge(self._table, datetime.now(UTC))


async def purge(table: Table, now: datetime) -> int:
    """Remove the rows whose time is over; returns how many."""
    removed = 0
    while True:
        page = table.query(where="expires lt @now", parameters={"now": now}, limit=PURGE_PAGE)
        partitions: dict[str, list[tuple[Change, int]]] = defaultdict(list)
        async for row in page:
            partitions[row.partition].append((Delete(row.key), 0))
        if not partitions:
            return removed
        for partition, rows in partitions.items():
            for changes in in_transactions(rows):
                await table.commit(partition, changes)
                removed += len(changes)


def in_transactions(rows: Sequence[tuple[Change, int]]) -> list[list[Change]]:
    """Changes with their sizes in bytes, in as few transactions as take them."""
    found: list[list[Change]] = [[]]
    total = 0
    for change, size in rows:
        if len(found[-1]) == MAX_ROWS or (found[-1] and total + size > MAX_TRANSACTION_BYTES):
            found.append([])
            total = 0
        found[-1].append(change)
        total += size
    return found


def _by_trace(records: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        groups[record.tenant, record.trace_id].append(record)
    return groups


def _partition(tenant: str, trace_id: str) -> str:
    return f"{tenant}:{trace_id[0]}"


def _metrics_partition(service: str) -> str:
    return f"platform:{service}"


def _instance_metrics(row: Row) -> InstanceMetrics:
    return InstanceMetrics(row.partition.partition(":")[2], row.key, unpack(row.values, MetricPoint))
