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
from functions.processing.errors import JobNotFound, ResultNotReady, SourceNotUsable, ValidationNotFound
from functions.processing.repository import WorkRepository, WorkRow
from functions.processing.schemas import JobRequest, Progress, QueryPlanSummary, ValidationRequest, Work
from functions.processing.sql import guard
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
        await asyncio.to_thread(guard.parse, request.query, request.reference_data)
        await self._datasets.describe(caller.tenant, request.dataset)
        if request.validation is not None:
            await self._require_validation(caller.tenant, request)
        return await self._accept("job", caller, request.model_dump(mode="json", by_alias=True), key, start)

    async def describe(self, kind: Kind, tenant: str, id: str) -> Work:
        """The work as it stands. Raises ValidationNotFound or JobNotFound."""
        work = await self._require(Order(kind=kind, tenant=tenant, id=id))
        reports = await self._work.reports(work.order) if work.chunks is not None else {}
        return Work(
            id=id,
            status=work.status,
            created_at=work.created_at,
            progress=Progress(
                rows=sum(report.rows for report in reports.values()) if work.chunks is not None else None,
                total_rows=work.rows,
                total_bytes=work.total_bytes,
                chunks=work.chunks,
                chunks_done=len(reports),
            ),
            plan=None if work.plan is None else QueryPlanSummary.model_validate(work.plan),
            result=dict(work.result) if work.status == "completed" and work.result is not None else None,
            error=work.error,
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

    async def quarantine(self, tenant: str, id: str) -> bytes:
        """Every invalid record of a completed validation, as Parquet: row, field, reason, record.

        Raises ValidationNotFound, ResultNotReady.
        """
        work = await self._require(Order(kind="validation", tenant=tenant, id=id))
        if work.status != "completed":
            raise ResultNotReady(f"the validation is {work.status}")
        reports = await self._work.reports(work.order)
        parts = [quarantine_of(chunk) for chunk, report in sorted(reports.items()) if report.invalid]
        frames = await self._artefacts.frames([self._artefacts.address(work.order, part) for part in parts])
        return to_parquet(pl.concat([pl.DataFrame(schema=QUARANTINE), *frames]))

    async def discard(self, kind: Kind, tenant: str, id: str) -> None:
        """End the work if it runs, and remove what it made; once is announced, and again changes nothing.

        Raises ValidationNotFound or JobNotFound.
        """
        order = Order(kind=kind, tenant=tenant, id=id)
        for attempt in range(1, DISCARD_ATTEMPTS + 1):
            work = await self._require(order)
            if work.status == "discarded":
                break
            event = Event(f"processing.{kind}.discarded", id, {"id": id}, id=f"{order.instance_id}-discarded")
            try:
                await self._work.replace(replace(work, status="discarded", result=None), [event])
                break
            except RowChanged:
                if attempt == DISCARD_ATTEMPTS:
                    raise
        await self._artefacts.sweep(order)
        await self._work.forget_reports(order)

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
