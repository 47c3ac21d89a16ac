"""The plan of a piece of work: its chunks, the types of its columns, and what is done with each chunk."""

import asyncio
from dataclasses import dataclass
from functools import partial

import polars as pl

from durable.jobs.models import Order
from functions.processing.artefacts import Artefacts, reference, rows_of
from functions.processing.datasets import Datasets
from functions.processing.errors import DatasetUnreadable, QueryRefused, SchemaMismatch, SourceNotUsable
from functions.processing.formats.registry import source_of
from functions.processing.formats.source import Layout, Source, packed, unpacked
from functions.processing.metadata import Metadata
from functions.processing.parsing.conversion import kinds_of_schema
from functions.processing.parsing.structure import MalformedFile, compare_columns
from functions.processing.repository import WorkRepository, WorkRow
from functions.processing.schemas import Chunk, Dataset, JobRequest, SchemaReference, ValidationRequest, WorkPlan
from functions.processing.sql.guard import INPUT
from functions.processing.sql.planner import plan_query

BUCKET_BYTES = 64 * 1024 * 1024
MOST_BUCKETS = 64
JOINED_BYTES = 64 * 1024 * 1024
"""The largest dataset that can be joined: every node holds it whole."""


@dataclass(frozen=True)
class Content:
    """A dataset's content: its bytes, their ETag, and what reads them."""

    dataset: Dataset
    size: int
    etag: str
    source: Source


class Planner:
    """Makes plans. Whatever can be told from file, schema and query is told here, before any chunk is done."""

    def __init__(self, datasets: Datasets, work: WorkRepository, artefacts: Artefacts, metadata: Metadata) -> None:
        self._datasets = datasets
        self._work = work
        self._artefacts = artefacts
        self._metadata = metadata

    async def plan(self, work: WorkRow) -> WorkPlan:
        """The plan of a validation or job. Raises a PlatformError that is for good, or one that a retry may help.

        Only the first generation's plan of a job may be a quick one.
        """
        try:
            if work.order.kind == "validation":
                return await self._validation(work.order, ValidationRequest.model_validate(work.request))
            return await self._job(work.order, JobRequest.model_validate(work.request), quick=work.generation == 0)
        except MalformedFile as error:
            raise DatasetUnreadable(str(error)) from None

    async def _validation(self, order: Order, request: ValidationRequest) -> WorkPlan:
        return await self._checked_records(order, request.dataset, request.schema_)

    async def _checked_records(self, order: Order, dataset_id: str, wanted: SchemaReference) -> WorkPlan:
        """The records of a dataset, with the types that a schema gives them."""
        content = await self._content(order.tenant, dataset_id)
        schema, document = await self._metadata.schema(wanted)
        known = kinds_of_schema(document)
        columns = await content.source.columns()
        if columns is not None:
            # Further columns are a fault unless the schema speaks of them: a misspelt name would else go unseen.
            open_to_more = document.get("additionalProperties", False) is not False
            found = compare_columns(columns, document.get("required") or (), columns if open_to_more else tuple(known))
            if found:
                raise SchemaMismatch(found)
        return _work_plan(content, await content.source.lay_out(known), schema)

    async def _job(self, order: Order, request: JobRequest, *, quick: bool) -> WorkPlan:
        if request.validation is not None:
            plan = await self._valid_records(order, request.validation)
        elif request.schema_ is not None:
            plan = await self._checked_records(order, request.dataset, request.schema_)
        else:
            content = await self._content(order.tenant, request.dataset)
            plan = _work_plan(content, await content.source.lay_out(quick=quick))
        joined = await self._joined_tables(order, request)
        buckets = min(MOST_BUCKETS, max(2, -(-plan.total_bytes // BUCKET_BYTES)))
        tables = {INPUT: unpacked(plan.empty), **joined}
        query = await asyncio.to_thread(plan_query, request.query, tables, buckets)
        return plan.model_copy(update={"query": query.model_dump(mode="json"), "tables": tuple(joined)})

    async def _valid_records(self, order: Order, validation: str) -> WorkPlan:
        """The valid records of a completed validation, chunk by chunk."""
        source = Order(kind="validation", tenant=order.tenant, id=validation)
        row, plan = await self._work.get(source), await self._artefacts.plan(source)
        if row is None or row.status != "completed" or plan is None:
            raise SourceNotUsable(f"validation {source.id} has not been completed, or was discarded")
        reports = await self._work.reports(source)
        chunks = tuple(
            Chunk(
                index=chunk.index,
                first_row=chunk.first_row,
                rows=reports[chunk.index].valid,
                length=chunk.length,
                blob=self._artefacts.address(source, rows_of(chunk.index)),
            )
            for chunk in plan.chunks
        )
        return plan.model_copy(update={"chunks": chunks, "schema_": None})

    async def _joined_tables(self, order: Order, request: JobRequest) -> dict[str, pl.DataFrame]:
        """Fetch what is joined once and keep it with the job, so that every chunk joins the same rows."""
        tables: dict[str, pl.DataFrame] = {}
        names = [name.casefold() for name in (*request.reference_data, *request.datasets)]
        if INPUT in names or len(set(names)) < len(names):
            raise QueryRefused(f"the tables of a job have different names, and none but its records is '{INPUT}'")
        for name in (*request.reference_data, *request.datasets):
            if name in request.datasets:
                found = await self._dataset_table(order.tenant, request.datasets[name])
            else:
                found = await self._metadata.reference_table(name)
            await self._artefacts.put_frame(order, reference(name), found, if_absent=True)
            tables[name] = await self._artefacts.frame(self._artefacts.address(order, reference(name)))
        return tables

    async def _dataset_table(self, tenant: str, id: str) -> pl.DataFrame:
        content = await self._content(tenant, id)
        if content.size > JOINED_BYTES:
            raise SourceNotUsable(
                f"dataset {id} has {content.size:,} bytes, at most {JOINED_BYTES:,} can be joined: too large"
            )
        layout = await content.source.lay_out()
        plan = _work_plan(content, layout)
        return pl.concat([await content.source.rows(chunk, plan, layout.empty.columns) for chunk in layout.chunks])

    async def _content(self, tenant: str, id: str) -> Content:
        dataset, size, etag = await self._datasets.require_content(tenant, id)
        read = partial(self._datasets.read, tenant, id, etag)
        return Content(dataset, size, etag, source_of(dataset.format, read, size, dataset.null_values, dataset.dialect))


def _work_plan(content: Content, layout: Layout, schema: SchemaReference | None = None) -> WorkPlan:
    dataset = content.dataset
    return WorkPlan(
        dataset=dataset.id,
        null_values=dataset.null_values,
        kinds={name: kind.value for name, kind in layout.kinds.items()},
        total_bytes=content.size,
        chunks=layout.chunks,
        schema_=schema,
        etag=content.etag,
        empty=packed(layout.empty),
        format=dataset.format,
        dialect=layout.dialect,
        quick=layout.quick,
    )
