"""The workers: each message has one chunk or bucket done, and done again it is done the same."""

import asyncio
from functools import partial

import polars as pl

from chassis.errors import PlatformError, RemoteError, can_retry
from durable.jobs.models import Order, Standing
from functions.processing.artefacts import Artefacts, part_of, quarantine_of, rows_of
from functions.processing.checking import Fault, faults
from functions.processing.datasets import Datasets
from functions.processing.errors import DatasetUnreadable
from functions.processing.formats.registry import source_of
from functions.processing.formats.source import LookAgain, Source, unpacked
from functions.processing.metadata import Metadata
from functions.processing.parsing.conversion import Converted, RowCountMismatch
from functions.processing.parsing.structure import MalformedFile
from functions.processing.progress import ProgressMeter
from functions.processing.repository import WorkRepository, WorkRow
from functions.processing.schemas import Chunk, ChunkReport, InvalidRow, WorkPlan
from functions.processing.sql.exchange import BUCKET
from functions.processing.sql.guard import INPUT
from functions.processing.sql.planner import Plan
from functions.processing.sql.running import run_map, run_query

CONCURRENT_CHUNKS = 2
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

    async def do(self, order: Order, index: int, generation: int = 0) -> bool:
        """Do one chunk and return whether the orchestration has something to look at: a stage is done, or one failed.

        Nothing is done for work that has ended, or is planned anew. A problem that is for good is stored with the
        chunk; one that a retry may help is raised.
        """
        work, plan = await self._work.get(order), await self._artefacts.plan(order, generation)
        if work is None or work.ended or plan is None or work.generation != generation:
            return False
        report = await self._work.report(order, index, generation)
        if report is None:
            async with self._room:
                report = await self._reported(work, plan, index)
            await self._work.put_report(order, index, report, generation)
            if await self._was_discarded(order, index, generation):
                return False
        if report.problem is None and report.look_again is None and not self._meter.is_due(order, index, plan.tasks):
            return False
        standing = await self._standing(work, plan)
        return standing.complete or standing.stage > 0 or standing.plan_again or standing.problem is not None

    async def _reported(self, work: WorkRow, plan: WorkPlan, index: int) -> ChunkReport:
        try:
            if index >= len(plan.chunks):
                return await self._bucket(work, plan, index)
            if work.order.kind == "validation":
                return await self._validate(work.order, plan, plan.chunks[index])
            return await self._map(work, plan, plan.chunks[index])
        except LookAgain as error:
            return ChunkReport(look_again=str(error)[:300])
        except (RowCountMismatch, MalformedFile) as found:
            changed = isinstance(found, RowCountMismatch)
            why = "the dataset was changed while it was read" if changed else str(found)
            return ChunkReport(problem=DatasetUnreadable(why).problem())
        except PlatformError as error:
            if not is_for_good(error):
                raise
            return ChunkReport(problem=error.problem())

    async def _was_discarded(self, order: Order, index: int, generation: int) -> bool:
        """Whether the work ended while the chunk was done; then what has just been written goes, too."""
        work = await self._work.get(order)
        if work is not None and not work.ended:
            return False
        if work is None or work.status != "completed":
            await self._artefacts.drop(order, rows_of(index), quarantine_of(index), part_of(index, generation))
        return True

    async def _standing(self, work: WorkRow, plan: WorkPlan) -> Standing:
        reports = await self._work.reports(work.order, work.generation)
        total = plan.rows if work.order.kind == "validation" and plan.rows is not None else plan.tasks
        await self._meter.settled(work.order, {index: report.rows for index, report in reports.items()}, total)
        return standing_of(plan, reports)

    async def _validate(self, order: Order, plan: WorkPlan, chunk: Chunk) -> ChunkReport:
        valid, report = await self._checked(order, plan, chunk)
        await self._artefacts.put_frame(order, rows_of(chunk.index), valid)
        return report

    async def _checked(self, order: Order, plan: WorkPlan, chunk: Chunk) -> tuple[pl.DataFrame, ChunkReport]:
        """The chunk's valid rows; the others are in its quarantine."""
        assert plan.schema_ is not None  # noqa: S101 - only called for plans with a schema
        schema = plan.schema_
        converted = await self._source(order, plan).converted(chunk, plan)
        checked = 0

        async def count(rows: int) -> None:
            nonlocal checked
            checked += rows
            if order.kind == "validation":
                await self._meter.rows(order, chunk.index, checked, plan.rows or 0)

        found = await faults(
            converted,
            lambda body, key: self._metadata.check(schema, body, key),
            f"{order.instance_id}-{chunk.index}",
            count,
        )
        valid, quarantine = await asyncio.to_thread(set_aside, converted, found, chunk.first_row)
        if quarantine.height:
            await self._artefacts.put_frame(order, quarantine_of(chunk.index), quarantine)
        return valid, ChunkReport(
            rows=chunk.rows,
            valid=valid.height,
            invalid=chunk.rows - valid.height,
            invalid_rows=tuple(
                InvalidRow(row=chunk.first_row + fault.row, field=fault.field[:200], reason=fault.reason[:300])
                for fault in found[:ROWS_NAMED]
            ),
        )

    async def _map(self, work: WorkRow, plan: WorkPlan, chunk: Chunk) -> ChunkReport:
        order, name = work.order, part_of(chunk.index, work.generation)
        query = Plan.model_validate(plan.query)
        report = ChunkReport()
        if plan.schema_ is not None:
            valid, report = await self._checked(order, plan, chunk)
            rows = valid.select(query.columns)
        elif chunk.blob is not None:
            rows = await self._artefacts.frame(chunk.blob, query.columns)
        else:
            rows = await self._source(order, plan).rows(chunk, plan, query.columns)
        if plan.schema_ is None:
            report = ChunkReport(rows=rows.height)
        tables = {INPUT: rows, **await self._artefacts.tables(order, plan.tables)}
        part = await asyncio.to_thread(run_map, query, tables)
        if not query.buckets:
            await self._artefacts.put_frame(order, name, part)
            return report
        dealt = [part.filter(pl.col(BUCKET) == bucket).drop(BUCKET) for bucket in range(query.buckets)]
        slices = await self._artefacts.put_slices(order, name, dealt)
        return report.model_copy(update={"slices": slices})

    async def _bucket(self, work: WorkRow, plan: WorkPlan, index: int) -> ChunkReport:
        """Run the query over all rows of one bucket, in the order of their chunks."""
        query, bucket = Plan.model_validate(plan.query), index - len(plan.chunks)
        assert query.bucket_sql is not None  # noqa: S101 - a plan with buckets has it
        reports = await self._work.reports(work.order, work.generation)
        wanted = [
            (
                self._artefacts.address(work.order, part_of(chunk, work.generation)),
                sum(report.slices[:bucket]),
                report.slices[bucket],
            )
            for chunk, report in sorted(reports.items())
            if report.slices and report.slices[bucket]
        ]
        empty = unpacked(plan.empty).select(query.columns)
        rows = pl.concat([empty, *await self._artefacts.slices(wanted)])
        tables = {INPUT: rows, **await self._artefacts.tables(work.order, plan.tables)}
        result = await asyncio.to_thread(run_query, query.bucket_sql, tables, apart=query.apart)
        await self._artefacts.put_frame(work.order, part_of(index, work.generation), result)
        return ChunkReport()

    def _source(self, order: Order, plan: WorkPlan) -> Source:
        read = partial(self._datasets.read, order.tenant, plan.dataset, plan.etag)
        return source_of(plan.format, read, plan.total_bytes, plan.null_values, plan.dialect)


def standing_of(plan: WorkPlan, reports: dict[int, ChunkReport]) -> Standing:
    """How far the chunks are; the problem is that of the first chunk that has one."""
    problems = [report.problem for _, report in sorted(reports.items()) if report.problem is not None]
    chunks_done = sum(index < len(plan.chunks) for index in reports)
    return Standing(
        done=len(reports),
        total=plan.tasks,
        problem=problems[0] if problems else None,
        stage=int(plan.buckets > 0 and chunks_done == len(plan.chunks)),
        plan_again=any(report.look_again is not None for report in reports.values()),
    )


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
    if chunk.lines is not None:
        records = {row: chunk.lines[row].decode() for row in invalid}
    else:
        records = dict(zip(invalid, chunk.texts[invalid].write_ndjson().splitlines(), strict=True))
    quarantine = pl.DataFrame(
        [(first_row + fault.row, fault.field, fault.reason, records[fault.row]) for fault in found],
        schema=QUARANTINE,
        orient="row",
    )
    keep = pl.Series([True] * chunk.typed.height).scatter(invalid, False)
    return chunk.typed.filter(keep), quarantine
