"""The steps of the durable orchestration, done with what the service has stored."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chassis.errors import NotFound, PlatformError
from chassis.messaging.events import Event
from chassis.messaging.queues import Queues
from chassis.storage.rows import RowChanged
from chassis.work import WorkContext
from durable.jobs.models import Order, Outcome, Problem, Standing
from functions.processing.artefacts import Artefacts
from functions.processing.planning import Planner
from functions.processing.reduction import Reducer
from functions.processing.repository import WorkRepository, WorkRow
from functions.processing.schemas import ChunkCommand, Status
from functions.processing.workers import is_for_good, standing_of

CHUNK_TYPE = "processing.chunk"
SENT_AT_ONCE = 16
DEFAULT_DEADLINE_S = 3600
log = logging.getLogger(__name__)


class WorkGone(NotFound):
    """The orchestration's work has no row; it was never accepted."""

    code = "processing.work-gone"


class JobSteps:
    """Implements `durable.jobs.steps.Steps`."""

    def __init__(
        self,
        work: WorkRepository,
        artefacts: Artefacts,
        planner: Planner,
        reducer: Reducer,
        queues: Queues,
        chunk_queues: Sequence[str],
    ) -> None:
        self._work = work
        self._artefacts = artefacts
        self._planner = planner
        self._reducer = reducer
        self._queues = queues
        self._chunk_queues = tuple(chunk_queues)

    async def context_of(self, order: Order) -> WorkContext:
        """Whose work it is. Raises WorkGone."""
        return (await self._require(order)).work

    async def plan(self, order: Order) -> Outcome:
        """Store the plan, once, and mark the work as running."""
        work = await self._require(order)
        if work.ended:
            return Outcome()
        if any(report.look_again for report in (await self._work.reports(order, work.generation)).values()):
            # Planned again, once: the reports of the new generation are not there yet.
            work = replace(work, generation=work.generation + 1)
        try:
            plan = await self._artefacts.plan(order, work.generation)
            if plan is None:
                plan = await self._artefacts.put_plan(order, await self._planner.plan(work), work.generation)
        except PlatformError as error:
            return _outcome(error)
        running = replace(
            work,
            status="running",
            started_at=work.started_at or datetime.now(UTC),
            chunks=plan.tasks,
            rows=plan.rows,
            total_bytes=plan.total_bytes,
            plan=_summary(plan.query),
        )
        await self._replace(running)
        return Outcome(deadline_s=int(work.request.get("deadlineSeconds", DEFAULT_DEADLINE_S)))

    async def enqueue(self, order: Order) -> None:
        """Put every chunk without a report on the queue; the buckets once there is none. May be repeated."""
        work = await self._require(order)
        plan = await self._artefacts.plan(order, work.generation)
        if plan is None or work.ended:
            return
        done = await self._work.reports(order, work.generation)
        unfinished = [chunk.index for chunk in plan.chunks if chunk.index not in done]
        if not unfinished:
            unfinished = [index for index in range(len(plan.chunks), plan.tasks) if index not in done]
        for start in range(0, len(unfinished), SENT_AT_ONCE):
            await asyncio.gather(*(self._send(work, index) for index in unfinished[start : start + SENT_AT_ONCE]))

    async def check(self, order: Order) -> Standing:
        """How far the chunks are; gone when the work has ended meanwhile."""
        work = await self._require(order)
        plan = await self._artefacts.plan(order, work.generation)
        if plan is None or work.ended:
            return Standing(done=0, total=0, gone=True)
        return standing_of(plan, await self._work.reports(order, work.generation))

    async def reduce(self, order: Order) -> Outcome:
        """Make the result and keep it with the work; the end is announced by `finish`."""
        work = await self._require(order)
        plan = await self._artefacts.plan(order, work.generation)
        if work.ended or plan is None:
            return Outcome()
        try:
            result: dict[str, Any]
            if order.kind == "validation":
                result = (await self._reducer.validation(work)).model_dump(mode="json", by_alias=True)
            else:
                result = (await self._reducer.job(work, plan)).model_dump(mode="json", by_alias=True)
        except PlatformError as error:
            return _outcome(error)
        await self._replace(replace(work, result=result))
        return Outcome()

    async def finish(self, order: Order, problem: Problem | None) -> None:
        """Mark the end and announce it in one transaction; failed or discarded work leaves nothing behind."""
        work = await self._require(order)
        if not work.ended:
            if problem is not None:
                # Before the end is told, so that who hears of it finds nothing half-written.
                await self._artefacts.sweep(order)
            await self._end(work, problem)
        if (await self._require(order)).status != "completed":
            await self._artefacts.sweep(order)

    async def _send(self, work: WorkRow, chunk: int) -> None:
        order = work.order
        command = ChunkCommand(kind=order.kind, id=order.id, chunk=chunk, generation=work.generation)
        id = f"{order.instance_id}-{work.generation}-{chunk}"
        await self._queues.send(self._chunk_queues[chunk % len(self._chunk_queues)], CHUNK_TYPE, command, id=id)

    async def _end(self, work: WorkRow, problem: Problem | None) -> None:
        status: Status = "failed" if problem is not None else "completed"
        result = None if problem is not None else work.result
        data = {"id": work.order.id, "status": status, "result": result, "error": problem}
        event = Event(
            f"processing.{work.order.kind}.{status}",
            work.order.id,
            {key: value for key, value in data.items() if value is not None},
            id=f"{work.order.instance_id}-{status}",
        )
        await self._replace(replace(work, status=status, result=result, error=problem), event)

    async def _replace(self, work: WorkRow, *events: Event) -> None:
        """Store a state, unless the owner has discarded the work in between; other changes are tried again."""
        try:
            await self._work.replace(work, events)
        except RowChanged:
            if not (await self._require(work.order)).ended:
                raise
            log.info("%s ended while a step was done", work.order.instance_id)

    async def _require(self, order: Order) -> WorkRow:
        work = await self._work.get(order)
        if work is None:
            raise WorkGone(f"there is no {order.kind} {order.id}")
        return work


def _outcome(error: PlatformError) -> Outcome:
    """A problem that is for good; any other is raised, to be tried again."""
    if not is_for_good(error):
        raise error
    return Outcome(problem=error.problem())


def _summary(query: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if query is None else {"distributed": query["distributed"], "reason": query["reason"]}
