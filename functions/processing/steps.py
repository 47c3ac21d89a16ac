"""The steps of the durable orchestration, done with what the service has stored."""

import asyncio
import logging
from dataclasses import replace
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
        chunk_queue: str,
    ) -> None:
        self._work = work
        self._artefacts = artefacts
        self._planner = planner
        self._reducer = reducer
        self._queues = queues
        self._chunk_queue = chunk_queue

    async def context_of(self, order: Order) -> WorkContext:
        """Whose work it is. Raises WorkGone."""
        return (await self._require(order)).work

    async def plan(self, order: Order) -> Outcome:
        """Store the plan, once, and mark the work as running."""
        work = await self._require(order)
        if work.ended:
            return Outcome()
        try:
            plan = await self._artefacts.plan(order)
            if plan is None:
                plan = await self._artefacts.put_plan(order, await self._planner.plan(work))
        except PlatformError as error:
            return _outcome(error)
        running = replace(
            work,
            status="running",
            chunks=len(plan.chunks),
            rows=plan.rows,
            total_bytes=plan.total_bytes,
            plan=_summary(plan.query),
        )
        await self._replace(running)
        return Outcome()

    async def enqueue(self, order: Order) -> None:
        """Put every chunk without a report on the queue. Repeated, it sends the same commands again."""
        plan = await self._artefacts.plan(order)
        if plan is None or (await self._require(order)).ended:
            return
        done = await self._work.reports(order)
        unfinished = [chunk.index for chunk in plan.chunks if chunk.index not in done]
        for start in range(0, len(unfinished), SENT_AT_ONCE):
            await asyncio.gather(*(self._send(order, index) for index in unfinished[start : start + SENT_AT_ONCE]))

    async def check(self, order: Order) -> Standing:
        """How far the chunks are; gone when the work has ended meanwhile."""
        plan = await self._artefacts.plan(order)
        if plan is None or (await self._require(order)).ended:
            return Standing(done=0, total=0, gone=True)
        return standing_of(plan, await self._work.reports(order))

    async def reduce(self, order: Order) -> Outcome:
        """Make the result and keep it with the work; the end is announced by `finish`."""
        work, plan = await self._require(order), await self._artefacts.plan(order)
        if work.ended or plan is None:
            return Outcome()
        try:
            result: dict[str, Any]
            if order.kind == "validation":
                result = (await self._reducer.validation(work)).model_dump(mode="json", by_alias=True)
            else:
                result = (await self._reducer.job(order, plan)).model_dump(mode="json", by_alias=True)
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

    async def _send(self, order: Order, chunk: int) -> None:
        command = ChunkCommand(kind=order.kind, id=order.id, chunk=chunk)
        await self._queues.send(self._chunk_queue, CHUNK_TYPE, command, id=f"{order.instance_id}-{chunk}")

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
