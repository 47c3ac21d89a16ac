"""The workers: each message has one chunk done, and done again it is done the same."""

import asyncio

import polars as pl

from chassis.errors import PlatformError, RemoteError, can_retry
from durable.jobs.models import Order, Standing
from functions.processing.artefacts import Artefacts, part_of, quarantine_of, rows_of
from functions.processing.checking import Fault, faults
from functions.processing.datasets import Datasets
from functions.processing.errors import DatasetUnreadable
from functions.processing.metadata import Metadata
from functions.processing.parsing.conversion import Converted, Kind, RowCountMismatch, convert, read_texts
from functions.processing.progress import ProgressMeter
from functions.processing.repository import WorkRepository
from functions.processing.schemas import Chunk, ChunkReport, InvalidRow, WorkPlan
from functions.processing.sql.engine import Sandbox
from functions.processing.sql.guard import INPUT
from functions.processing.sql.planner import Plan

CONCURRENT_CHUNKS = 3
"""Chunks that one process holds in memory at a time; the rest of its messages wait."""

ROWS_NAMED = 20
"""Invalid rows that are told of by number; all of them are in the quarantine."""


QUARANTINE = {"row": pl.Int64, "field": pl.String, "reason": pl.String, "record": pl.String}
"""The columns of the quarantine; `record` is the whole record as it was written, a JSON object of texts."""


class Workers:
    """Does chunks of validations and jobs."""

    def __init__(
        self,
        work: WorkRepository,
        artefacts: Artefacts,
        datasets: Datasets,
        metadata: Metadata,
        meter: ProgressMeter,
    ) -> None:
        self._work = work
        self._artefacts = artefacts
        self._datasets = datasets
        self._metadata = metadata
        self._meter = meter
        self._room = asyncio.Semaphore(CONCURRENT_CHUNKS)

    async def do(self, order: Order, index: int) -> bool:
        """Do one chunk and return whether the orchestration has something to look at: all are done, or one failed.

        Nothing is done for work that has ended. A problem that is for good is stored with the chunk; one that a
        retry may help is raised.
        """
        work, plan = await self._work.get(order), await self._artefacts.plan(order)
        if work is None or work.ended or plan is None:
            return False
        report = await self._work.report(order, index)
        if report is None:
            async with self._room:
                report = await self._reported(order, plan, plan.chunks[index])
            await self._work.put_report(order, index, report)
            if await self._was_discarded(order, index):
                return False
        standing = await self._standing(order, plan)
        return standing.complete or standing.problem is not None

    async def _reported(self, order: Order, plan: WorkPlan, chunk: Chunk) -> ChunkReport:
        try:
            return await (self._validate if order.kind == "validation" else self._map)(order, plan, chunk)
        except RowCountMismatch:
            error: PlatformError = DatasetUnreadable("the dataset was changed while it was read")
            return ChunkReport(problem=error.problem())
        except PlatformError as error:
            if not is_for_good(error):
                raise
            return ChunkReport(problem=error.problem())

    async def _was_discarded(self, order: Order, index: int) -> bool:
        """Whether the work ended while the chunk was done; then what has just been written goes, too."""
        work = await self._work.get(order)
        if work is not None and not work.ended:
            return False
        if work is None or work.status != "completed":
            await self._artefacts.drop(order, rows_of(index), quarantine_of(index), part_of(index))
        return True

    async def _standing(self, order: Order, plan: WorkPlan) -> Standing:
        reports = await self._work.reports(order)
        total = plan.rows if order.kind == "validation" else len(plan.chunks)
        await self._meter.settled(order, {index: report.rows for index, report in reports.items()}, total)
        return standing_of(plan, reports)

    async def _validate(self, order: Order, plan: WorkPlan, chunk: Chunk) -> ChunkReport:
        assert plan.schema_ is not None  # noqa: S101 - a validation's plan has a schema
        schema = plan.schema_
        converted = await self._converted(order, plan, chunk)
        checked = 0

        async def count(rows: int) -> None:
            nonlocal checked
            checked += rows
            await self._meter.rows(order, chunk.index, checked, plan.rows)

        found = await faults(
            converted,
            lambda body, key: self._metadata.check(schema, body, key),
            f"{order.instance_id}-{chunk.index}",
            count,
        )
        valid, quarantine = await asyncio.to_thread(set_aside, converted, found, chunk.first_row)
        await self._artefacts.put_frame(order, rows_of(chunk.index), valid)
        if quarantine.height:
            await self._artefacts.put_frame(order, quarantine_of(chunk.index), quarantine)
        return ChunkReport(
            rows=chunk.rows,
            valid=valid.height,
            invalid=chunk.rows - valid.height,
            invalid_rows=tuple(
                InvalidRow(row=chunk.first_row + fault.row, field=fault.field[:200], reason=fault.reason[:300])
                for fault in found[:ROWS_NAMED]
            ),
        )

    async def _map(self, order: Order, plan: WorkPlan, chunk: Chunk) -> ChunkReport:
        query = Plan.model_validate(plan.query)
        if chunk.blob is not None:
            rows = await self._artefacts.frame(chunk.blob, query.columns)
        else:
            rows = (await self._converted(order, plan, chunk)).typed.select(query.columns)
        tables = {INPUT: rows, **await self._artefacts.tables(order, plan.reference_data)}
        part = await asyncio.to_thread(_run, query.map_sql, tables)
        await self._artefacts.put_frame(order, part_of(chunk.index), part)
        return ChunkReport(rows=chunk.rows)

    async def _converted(self, order: Order, plan: WorkPlan, chunk: Chunk) -> Converted:
        block = await self._datasets.read(order.tenant, plan.dataset, chunk.offset, chunk.length)
        return await asyncio.to_thread(_convert, block, plan, chunk)


def standing_of(plan: WorkPlan, reports: dict[int, ChunkReport]) -> Standing:
    """How far the chunks are; the problem is that of the first chunk that has one."""
    problems = [report.problem for _, report in sorted(reports.items()) if report.problem is not None]
    return Standing(done=len(reports), total=len(plan.chunks), problem=problems[0] if problems else None)


def is_for_good(error: PlatformError) -> bool:
    """Whether the same work would fail again: another service's failures (5xx) and a stale token (401) may pass."""
    if isinstance(error, RemoteError) and (error.remote_status >= 500 or error.remote_status == 401):
        return False
    return not can_retry(error)


def set_aside(chunk: Converted, found: list[Fault], first_row: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The valid rows, and the quarantine: row, field, reason and the whole record as it was written, as JSON."""
    invalid = sorted({fault.row for fault in found})
    if not invalid:
        return chunk.typed, pl.DataFrame()
    records = dict(zip(invalid, chunk.texts[invalid].write_ndjson().splitlines(), strict=True))
    quarantine = pl.DataFrame(
        [(first_row + fault.row, fault.field, fault.reason, records[fault.row]) for fault in found],
        schema=QUARANTINE,
        orient="row",
    )
    keep = pl.Series([True] * chunk.typed.height).scatter(invalid, False)
    return chunk.typed.filter(keep), quarantine


def _convert(block: bytes, plan: WorkPlan, chunk: Chunk) -> Converted:
    texts = read_texts(block, tuple(plan.kinds), plan.null_values, rows=chunk.rows)
    return convert(texts, {name: Kind(kind) for name, kind in plan.kinds.items()})


def _run(query: str, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    with Sandbox(tables) as sandbox:
        return sandbox.run(query)
