"""The reduce step: the totals of a validation, the result of a job."""

import asyncio
from collections.abc import Mapping

from functions.processing.artefacts import RESULT, Artefacts, part_of
from functions.processing.errors import RecordsInvalid
from functions.processing.repository import WorkRepository, WorkRow
from functions.processing.schemas import (
    ChunkReport,
    InvalidRow,
    JobRequest,
    JobResult,
    ValidationRequest,
    ValidationResult,
    WorkPlan,
)
from functions.processing.sql.planner import Plan
from functions.processing.sql.running import run_reduce
from functions.processing.workers import ROWS_NAMED

ROWS_IN_DETAIL = 3


class Reducer:
    """Puts the chunks' parts together."""

    def __init__(self, work: WorkRepository, artefacts: Artefacts) -> None:
        self._work = work
        self._artefacts = artefacts

    async def validation(self, work: WorkRow) -> ValidationResult:
        """The totals. Raises RecordsInvalid when more records are invalid than the request allows."""
        found = _totals(await self._work.reports(work.order, work.generation))
        _require_valid(found, ValidationRequest.model_validate(work.request).max_invalid)
        return found

    async def job(self, work: WorkRow, plan: WorkPlan) -> JobResult:
        """Run the query's reduce half over the parts and store the result, once.

        Raises RecordsInvalid when the job checks its records and more are invalid than the request allows.
        """
        order, invalid = work.order, None
        if plan.schema_ is not None:
            found = _totals(await self._work.reports(order, work.generation))
            _require_valid(found, JobRequest.model_validate(work.request).max_invalid)
            invalid = found.invalid
        query = Plan.model_validate(plan.query)
        numbers = range(len(plan.chunks), plan.tasks) if plan.buckets else range(len(plan.chunks))
        addresses = [self._artefacts.address(order, part_of(number, work.generation)) for number in numbers]
        parts = await self._artefacts.frames(addresses)
        tables = await self._artefacts.tables(order, plan.tables)
        result = await asyncio.to_thread(run_reduce, query, parts, tables)
        await self._artefacts.put_frame(order, RESULT, result, if_absent=True)
        return JobResult(rows=result.height, columns=tuple(result.columns), invalid=invalid)


def _totals(reports: Mapping[int, ChunkReport]) -> ValidationResult:
    named = tuple(row for _, report in sorted(reports.items()) for row in report.invalid_rows)[:ROWS_NAMED]
    return ValidationResult(
        rows=sum(report.rows for report in reports.values()),
        valid=sum(report.valid for report in reports.values()),
        invalid=sum(report.invalid for report in reports.values()),
        invalid_rows=named,
    )


def _require_valid(found: ValidationResult, allowed: int) -> None:
    if found.invalid > allowed:
        named = [row.model_dump(mode="json", by_alias=True) for row in found.invalid_rows]
        raise RecordsInvalid(describe_invalid(found), invalidRows=named)


def describe_invalid(result: ValidationResult) -> str:
    """How many records are invalid, and the first of them with field and reason."""
    first = "; ".join(_describe(row) for row in result.invalid_rows[:ROWS_IN_DETAIL])
    more = "; …" if len(result.invalid_rows) > ROWS_IN_DETAIL else ""
    return f"{result.invalid:,} of {result.rows:,} rows are invalid: {first}{more}"


def _describe(row: InvalidRow) -> str:
    return f"row {row.row}: {row.field or 'the record'}: {row.reason}"
