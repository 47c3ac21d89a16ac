"""The plan of a piece of work: its chunks, the types of its columns, and what is done with each chunk."""

import asyncio
from functools import partial

import polars as pl

from durable.jobs.models import Order
from functions.processing.artefacts import Artefacts, reference, rows_of
from functions.processing.datasets import Datasets
from functions.processing.errors import DatasetUnreadable, QueryRefused, SchemaMismatch, SourceNotUsable
from functions.processing.layout import Layout, lay_out, read_columns
from functions.processing.metadata import Metadata
from functions.processing.parsing.conversion import POLARS_TYPES, Kind, kinds_of_schema
from functions.processing.parsing.structure import MalformedFile, compare_columns
from functions.processing.repository import WorkRepository, WorkRow
from functions.processing.schemas import Chunk, JobRequest, ValidationRequest, WorkPlan
from functions.processing.sql.guard import INPUT
from functions.processing.sql.planner import make_plan


class Planner:
    """Makes plans. Whatever can be told from file, schema and query is told here, before any chunk is done."""

    def __init__(self, datasets: Datasets, work: WorkRepository, artefacts: Artefacts, metadata: Metadata) -> None:
        self._datasets = datasets
        self._work = work
        self._artefacts = artefacts
        self._metadata = metadata

    async def plan(self, work: WorkRow) -> WorkPlan:
        """The plan of a validation or job. Raises a PlatformError that is for good, or one that a retry may help."""
        try:
            if work.order.kind == "validation":
                return await self._validation(work.order, ValidationRequest.model_validate(work.request))
            return await self._job(work.order, JobRequest.model_validate(work.request))
        except MalformedFile as error:
            raise DatasetUnreadable(str(error)) from None

    async def _validation(self, order: Order, request: ValidationRequest) -> WorkPlan:
        dataset, size = await self._datasets.require_content(order.tenant, request.dataset)
        schema, document = await self._metadata.schema(request.schema_)
        read = partial(self._datasets.read, order.tenant, dataset.id)
        header = await read_columns(read, size)
        known = kinds_of_schema(document)
        # Further columns are a fault unless the schema speaks of them: a misspelt name would else go unseen.
        mismatch = compare_columns(
            header.columns,
            document.get("required") or (),
            header.columns if document.get("additionalProperties", False) is not False else tuple(known),
        )
        if mismatch:
            raise SchemaMismatch(mismatch)
        layout = await lay_out(read, size, header)
        return WorkPlan(
            dataset=dataset.id,
            null_values=dataset.null_values,
            kinds={name: known.get(name, Kind.STRING).value for name in header.columns},
            total_bytes=size,
            chunks=layout.chunks,
            schema_=schema,
        )

    async def _job(self, order: Order, request: JobRequest) -> WorkPlan:
        plan = await (self._valid_records if request.validation else self._records)(order, request)
        empty = {name: pl.Series(dtype=POLARS_TYPES[Kind(kind)]) for name, kind in plan.kinds.items()}
        tables = {INPUT: pl.DataFrame(empty), **await self._reference_tables(order, request)}
        query = await asyncio.to_thread(make_plan, request.query, tables)
        return plan.model_copy(
            update={"query": query.model_dump(mode="json"), "reference_data": request.reference_data}
        )

    async def _records(self, order: Order, request: JobRequest) -> WorkPlan:
        """The records as they are in the dataset, with the types that their values have."""
        dataset, size = await self._datasets.require_content(order.tenant, request.dataset)
        read = partial(self._datasets.read, order.tenant, dataset.id)
        header = await read_columns(read, size)
        layout: Layout = await lay_out(read, size, header, infer_with=dataset.null_values)
        return WorkPlan(
            dataset=dataset.id,
            null_values=dataset.null_values,
            kinds={name: kind.value for name, kind in layout.kinds.items()},
            total_bytes=size,
            chunks=layout.chunks,
        )

    async def _valid_records(self, order: Order, request: JobRequest) -> WorkPlan:
        """The valid records of a completed validation, chunk by chunk."""
        source = Order(kind="validation", tenant=order.tenant, id=str(request.validation))
        row, plan = await self._work.get(source), await self._artefacts.plan(source)
        if row is None or row.status != "completed" or plan is None:
            raise SourceNotUsable(f"validation {source.id} has not been completed, or was discarded")
        reports = await self._work.reports(source)
        chunks = tuple(
            Chunk(
                index=chunk.index,
                first_row=chunk.first_row,
                rows=reports[chunk.index].valid,
                blob=self._artefacts.address(source, rows_of(chunk.index)),
            )
            for chunk in plan.chunks
        )
        return plan.model_copy(update={"chunks": chunks, "schema_": None})

    async def _reference_tables(self, order: Order, request: JobRequest) -> dict[str, pl.DataFrame]:
        """Fetch the reference data once and keep it with the job, so that every chunk joins the same rows."""
        tables: dict[str, pl.DataFrame] = {}
        for name in request.reference_data:
            if name.casefold() == INPUT:
                raise QueryRefused(f"reference data can't be called '{INPUT}': that is the table of records")
            found = await self._metadata.reference_table(name)
            await self._artefacts.put_frame(order, reference(name), found, if_absent=True)
            tables[name] = await self._artefacts.frame(self._artefacts.address(order, reference(name)))
        return tables
