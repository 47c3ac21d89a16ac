"""What processing stores in tables: datasets, validations and jobs (work), and the chunks that are done."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from chassis.messaging.events import Event
from chassis.storage.tables import Insert, Replace, Row, Table
from chassis.work import WorkContext
from durable.jobs.models import Kind, Order, Problem
from functions.processing.schemas import ChunkReport, Dataset, Status

ENDED: frozenset[Status] = frozenset({"completed", "failed", "cancelled", "discarded"})


@dataclass(frozen=True)
class WorkRow:
    """One validation or job. `request` is its request body; `work` is whose it is.

    `generation` counts the plans that were made for it; `chunks` are all tasks of the present one.
    """

    order: Order
    status: Status
    request: Mapping[str, Any]
    fingerprint: str
    work: WorkContext
    created_at: datetime
    etag: str = ""
    generation: int = 0
    started_at: datetime | None = None
    chunks: int | None = None
    rows: int | None = None
    total_bytes: int | None = None
    plan: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    error: Problem | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more is done for it."""
        return self.status in ENDED


@dataclass(frozen=True)
class DatasetRow:
    """A dataset with what its repeated creation is compared by."""

    dataset: Dataset
    fingerprint: str
    events: Sequence[Event] = field(default=())


class DatasetRepository:
    """Dataset rows: partition tenant, key id."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(self, tenant: str, id: str) -> DatasetRow | None:
        """The dataset, or None."""
        row = await self._table.get(tenant, id)
        if row is None:
            return None
        return DatasetRow(Dataset.model_validate_json(row["dataset"]), row["fingerprint"])

    async def add(self, tenant: str, row: DatasetRow) -> None:
        """Store a new dataset and announce it. Raises RowExists."""
        values = {"dataset": row.dataset.model_dump_json(by_alias=True), "fingerprint": row.fingerprint}
        await self._table.commit(tenant, [Insert(row.dataset.id, values)], row.events)


class WorkRepository:
    """Work rows: partition tenant, key `kind:id`. Chunk rows: partition `tenant|kind|id`, key the padded index.

    The chunks of a later generation have partitions of their own: `tenant|kind|id|generation`.
    """

    def __init__(self, table: Table, chunks: Table) -> None:
        self._table = table
        self._chunks = chunks

    async def get(self, order: Order) -> WorkRow | None:
        """The work, or None."""
        row = await self._table.get(order.tenant, _key(order.kind, order.id))
        return None if row is None else _work(row)

    async def add(self, work: WorkRow) -> None:
        """Store new work. Raises RowExists."""
        await self._table.insert(work.order.tenant, _key(work.order.kind, work.order.id), _values(work))

    async def replace(self, work: WorkRow, events: Sequence[Event] = ()) -> None:
        """Store a later state of the work with its events. Raises RowChanged when another writer was first."""
        change = Replace(_key(work.order.kind, work.order.id), _values(work), work.etag)
        await self._table.commit(work.order.tenant, [change], events)

    async def unfinished(self) -> AsyncIterator[WorkRow]:
        """Work of every tenant that is pending or running."""
        where = "status eq @pending or status eq @running"
        async for row in self._table.query(where=where, parameters={"pending": "pending", "running": "running"}):
            yield _work(row)

    async def report(self, order: Order, chunk: int, generation: int = 0) -> ChunkReport | None:
        """The report of a chunk that is done under this generation's plan, or None."""
        row = await self._chunks.get(_partition(order, generation), f"{chunk:06d}")
        return None if row is None else ChunkReport.model_validate_json(row["report"])

    async def reports(self, order: Order, generation: int = 0) -> dict[int, ChunkReport]:
        """The reports of all chunks that are done, by index, in order."""
        rows = self._chunks.query(_partition(order, generation))
        return {int(row.key): ChunkReport.model_validate_json(row["report"]) async for row in rows}

    async def put_report(self, order: Order, chunk: int, report: ChunkReport, generation: int = 0) -> None:
        """Store that a chunk is done; the same chunk again changes nothing that matters."""
        values = {"report": report.model_dump_json(by_alias=True, exclude_defaults=True)}
        await self._chunks.upsert(_partition(order, generation), f"{chunk:06d}", values)

    async def forget_reports(self, order: Order, generations: int = 1) -> None:
        """Remove the chunk rows of so many generations."""
        for partition in (_partition(order, generation) for generation in range(generations)):
            async for row in self._chunks.query(partition):
                await self._chunks.delete(partition, row.key)


def _key(kind: Kind, id: str) -> str:
    return f"{kind}:{id}"


def _partition(order: Order, generation: int) -> str:
    return f"{order.tenant}|{order.kind}|{order.id}{f'|{generation}' if generation else ''}"


def _values(work: WorkRow) -> dict[str, Any]:
    return {
        "kind": work.order.kind,
        "status": work.status,
        "request": _json(work.request),
        "fingerprint": work.fingerprint,
        "work": work.work.model_dump_json(),
        "created": work.created_at,
        "generation": work.generation,
        "started": work.started_at,
        "chunks": work.chunks,
        "rows": work.rows,
        "bytes": work.total_bytes,
        "plan": _json(work.plan),
        "result": _json(work.result),
        "error": _json(work.error),
    }


def _work(row: Row) -> WorkRow:
    kind, _, id = row.key.partition(":")
    return WorkRow(
        order=Order.model_validate({"kind": kind, "tenant": row.partition, "id": id}),
        status=row["status"],
        request=orjson.loads(row["request"]),
        fingerprint=row["fingerprint"],
        work=WorkContext.model_validate_json(row["work"]),
        created_at=row["created"].astimezone(UTC),
        etag=row.etag,
        generation=int(row.get("generation") or 0),
        started_at=row["started"].astimezone(UTC) if row.get("started") else None,
        chunks=row.get("chunks"),
        rows=row.get("rows"),
        total_bytes=row.get("bytes"),
        plan=_parsed(row.get("plan")),
        result=_parsed(row.get("result")),
        error=_parsed(row.get("error")),
    )


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(value).decode("utf-8")


def _parsed(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    parsed: dict[str, Any] = orjson.loads(text)
    return parsed
