"""Validations and jobs as their owners see them: accepted, described, discarded."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from chassis.context import Principal
from chassis.errors import NotFound
from chassis.http.idempotency import check_same_request, fingerprint, resource_id
from chassis.messaging.events import Event
from chassis.storage.rows import RowChanged, RowExists
from chassis.work import WorkContext
from durable.jobs.models import Kind, Order
from functions.processing.artefacts import RESULT, Artefacts, quarantine_of, to_parquet
from functions.processing.datasets import Datasets
from functions.processing.errors import (
    JobNotFound,
    PlanNotReady,
    RequestContradicts,
    ResultNotReady,
    SourceNotUsable,
    ValidationNotFound,
    WorkEnded,
)
from functions.processing.estimates import progress_of
from functions.processing.repository import ENDED, WorkRepository, WorkRow
from functions.processing.schemas import (
    JobPlan,
    JobRequest,
    Progress,
    QueryPlanSummary,
    Status,
    ValidationRequest,
    Work,
)
from functions.processing.sql import guard
from functions.processing.sql.planner import Plan
from functions.processing.workers import QUARANTINE

Start = Callable[[Order], Awaitable[None]]
"""Starts an orchestration; one that can't be started now is started by the recovery timer."""

_NOT_FOUND: dict[Kind, type[NotFound]] = {"validation": ValidationNotFound, "job": JobNotFound}
DISCARD_ATTEMPTS = 5


class Jobs:
    """Work of both kinds; every method names the tenant."""

    def __init__(self, work: WorkRepository, artefacts: Artefacts, datasets: Datasets) -> None:
        self._work = work
        self._artefacts = artefacts
        self._datasets = datasets

    async def validate(self, caller: Principal, request: ValidationRequest, key: str | None, start: Start) -> str:
        """Accept a validation and return its id. Raises DatasetNotFound, KeyReused."""
        await self._datasets.describe(caller.tenant, request.dataset)
        return await self._accept("validation", caller, request.model_dump(mode="json", by_alias=True), key, start)

    async def run(self, caller: Principal, request: JobRequest, key: str | None, start: Start) -> str:
        """Accept a job and return its id. Raises QueryRefused, DatasetNotFound, SourceNotUsable, KeyReused."""
        if request.validation is not None and request.schema_ is not None:
            raise RequestContradicts("a job reads the valid records of `validation` or checks with `schema`, not both")
        await asyncio.to_thread(guard.parse, request.query, (*request.reference_data, *request.datasets))
        for dataset in (request.dataset, *request.datasets.values()):
            await self._datasets.describe(caller.tenant, dataset)
        if request.validation is not None:
            await self._require_validation(caller.tenant, request)
        return await self._accept("job", caller, request.model_dump(mode="json", by_alias=True), key, start)

    async def describe(self, kind: Kind, tenant: str, id: str) -> Work:
        """The work as it stands. Raises ValidationNotFound or JobNotFound."""
        work = await self._require(Order(kind=kind, tenant=tenant, id=id))
        return Work(
            id=id,
            status=work.status,
            created_at=work.created_at,
            progress=await self._progress(work),
            plan=None if work.plan is None else QueryPlanSummary.model_validate(work.plan),
            result=dict(work.result) if work.status == "completed" and work.result is not None else None,
            error=work.error,
        )

    async def plan(self, tenant: str, id: str) -> JobPlan:
        """How a job's query is carried out. Raises JobNotFound, PlanNotReady."""
        work = await self._require(Order(kind="job", tenant=tenant, id=id))
        plan = await self._artefacts.plan(work.order, work.generation)
        if plan is None or plan.query is None:
            raise PlanNotReady(f"the job is {work.status}")
        query = Plan.model_validate(plan.query)
        return JobPlan(
            mode="one-node" if not query.distributed else "keys" if query.buckets else "parts",
            chunks=len(plan.chunks),
            **query.model_dump(include={"reason", "columns", "map_sql", "keys", "buckets", "bucket_sql", "reduce_sql"}),
        )

    async def result(self, tenant: str, id: str) -> bytes:
        """A completed job's result as Parquet. Raises JobNotFound, ResultNotReady."""
        work = await self._require(Order(kind="job", tenant=tenant, id=id))
        if work.status != "completed":
            raise ResultNotReady(f"the job is {work.status}")
        body = await self._artefacts.bytes_of(self._artefacts.address(work.order, RESULT))
        if body is None:
            raise ResultNotReady("the job has just been discarded")
        return body

    async def quarantine(self, kind: Kind, tenant: str, id: str) -> bytes:
        """Every invalid record of completed work, as Parquet: row, field, reason, record.

        Raises ValidationNotFound or JobNotFound, ResultNotReady.
        """
        work = await self._require(Order(kind=kind, tenant=tenant, id=id))
        if work.status != "completed":
            raise ResultNotReady(f"the {kind} is {work.status}")
        reports = await self._work.reports(work.order, work.generation)
        parts = [quarantine_of(chunk) for chunk, report in sorted(reports.items()) if report.invalid]
        frames = await self._artefacts.frames([self._artefacts.address(work.order, part) for part in parts])
        return to_parquet(pl.concat([pl.DataFrame(schema=QUARANTINE), *frames]))

    async def cancel(self, tenant: str, id: str) -> None:
        """End a job that runs and remove what it made; once is announced, and again changes nothing.

        Raises JobNotFound, WorkEnded.
        """
        await self._end(Order(kind="job", tenant=tenant, id=id), "cancelled", unless=ENDED - {"cancelled"})

    async def discard(self, kind: Kind, tenant: str, id: str) -> None:
        """End the work if it runs, and remove what it made; once is announced, and again changes nothing.

        Raises ValidationNotFound or JobNotFound.
        """
        await self._end(Order(kind=kind, tenant=tenant, id=id), "discarded")

    async def _end(self, order: Order, status: Status, unless: frozenset[Status] = frozenset()) -> None:
        for attempt in range(1, DISCARD_ATTEMPTS + 1):
            work = await self._require(order)
            if work.status == status:
                break
            if work.status in unless:
                raise WorkEnded(f"it is {work.status}")
            event = Event(
                f"processing.{order.kind}.{status}", order.id, {"id": order.id}, id=f"{order.instance_id}-{status}"
            )
            try:
                await self._work.replace(replace(work, status=status, result=None), [event])
                break
            except RowChanged:
                if attempt == DISCARD_ATTEMPTS:
                    raise
        await self._artefacts.sweep(order)
        await self._work.forget_reports(order, work.generation + 1)

    async def _progress(self, work: WorkRow) -> Progress:
        if work.chunks is None:
            return Progress()
        plan = None if work.ended else await self._artefacts.plan(work.order, work.generation)
        reports = await self._work.reports(work.order, work.generation)
        return progress_of(work, plan, reports, datetime.now(UTC))

    async def _accept(
        self, kind: Kind, caller: Principal, request: dict[str, Any], key: str | None, start: Start
    ) -> str:
        id = resource_id(caller.tenant, f"{kind}s", key)
        work = WorkRow(
            order=Order(kind=kind, tenant=caller.tenant, id=id),
            status="pending",
            request=request,
            fingerprint=fingerprint(request),
            work=WorkContext.capture(),
            created_at=datetime.now(UTC),
        )
        try:
            await self._work.add(work)
        except RowExists:
            stored = await self._require(work.order)
            check_same_request(stored.fingerprint, work.fingerprint)
            work = stored
        if work.status == "pending":
            await start(work.order)
        return id

    async def _require_validation(self, tenant: str, request: JobRequest) -> None:
        found = await self._work.get(Order(kind="validation", tenant=tenant, id=str(request.validation)))
        if found is None:
            raise SourceNotUsable(f"there is no validation {request.validation}")
        if found.request["dataset"] != request.dataset:
            raise SourceNotUsable(f"validation {request.validation} is of another dataset")
        if found.status in {"failed", "discarded"}:
            raise SourceNotUsable(f"validation {request.validation} is {found.status}")
        if found.status != "completed":
            raise SourceNotUsable(f"validation {request.validation} has not been completed yet")

    async def _require(self, order: Order) -> WorkRow:
        work = await self._work.get(order)
        if work is None:
            raise _NOT_FOUND[order.kind](f"there is no {order.kind} {order.id}")
        return work
