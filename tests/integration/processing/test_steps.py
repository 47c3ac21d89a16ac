"""The steps and workers on real storage, each done more than once, as at-least-once delivery will have it."""

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import polars as pl
import pytest

from chassis.context import CallContext, Principal, calling
from chassis.runtime import Runtime
from chassis.settings import Settings
from durable.jobs.models import Order
from functions.processing.artefacts import RESULT, Artefacts
from functions.processing.datasets import Datasets
from functions.processing.errors import DatasetNotFound, JobNotFound
from functions.processing.jobs import Jobs
from functions.processing.metadata import Metadata
from functions.processing.planning import Planner
from functions.processing.progress import ProgressMeter
from functions.processing.reduction import Reducer
from functions.processing.repository import DatasetRepository, WorkRepository
from functions.processing.schemas import DatasetRequest, JobRequest
from functions.processing.steps import JobSteps
from functions.processing.workers import Workers

CALLER = Principal(subject="ann", tenant="acme", scopes=frozenset({"processing.write"}))
CONTENT = b"g,i\n" + b"".join(b"%c,%d\n" % (97 + n % 3, n) for n in range(300_000))
QUERY = "SELECT g, sum(i) AS s, median(i) AS m FROM input GROUP BY g ORDER BY g"


@dataclass
class Parts:
    """The service without its triggers."""

    runtime: Runtime
    work: WorkRepository
    artefacts: Artefacts
    jobs: Jobs
    steps: JobSteps
    workers: Workers
    dataset: str

    async def accepted(self) -> Order:
        """A job that is stored and not started."""

        async def start(_: Order) -> None:
            return

        id = await self.jobs.run(CALLER, JobRequest(dataset=self.dataset, query=QUERY), None, start)
        return Order(kind="job", tenant="acme", id=id)

    async def blobs(self, order: Order) -> list[str]:
        """What lies in the work's folder."""
        container = self.runtime.blobs.container("processing-work")
        return [name async for name in container.list(f"acme/job/{order.id}/")]


@pytest.fixture
async def parts(azurite: str) -> AsyncIterator[Parts]:
    runtime = Runtime("processing", Settings(storage_connection=azurite, event_subscriptions={"heard": ("*",)}))
    work = WorkRepository(runtime.tables.table("stepswork"), runtime.tables.table("stepschunks"))
    artefacts = Artefacts(runtime.blobs.container("processing-work"))
    container = runtime.blobs.container("steps-datasets")
    datasets = Datasets(DatasetRepository(runtime.tables.table("stepsdatasets")), container)
    metadata = cast(Metadata, None)

    async def show(*_: Any) -> None:
        return

    with calling(CallContext(CALLER, "c-1")):
        created = await datasets.create(CALLER, DatasetRequest(name="n"), None)
        await container.put(f"acme/{created.id}", CONTENT)
        planner = Planner(datasets, work, artefacts, metadata)
        steps = JobSteps(work, artefacts, planner, Reducer(work, artefacts), runtime.queues, "steps-chunks")
        workers = Workers(work, artefacts, datasets, metadata, ProgressMeter(show))
        yield Parts(runtime, work, artefacts, Jobs(work, artefacts, datasets), steps, workers, created.id)
    await runtime.close()


async def test_every_step_done_twice_gives_one_result_and_one_event(parts: Parts) -> None:
    order = await parts.accepted()
    heard = await parts.runtime.queues.depth("heard")
    for _ in range(2):
        assert (await parts.steps.plan(order)).problem is None
    for _ in range(2):
        await parts.steps.enqueue(order)
    chunks = (await parts.jobs.describe("job", "acme", order.id)).progress.chunks or 0
    assert chunks > 1
    assert await parts.runtime.queues.depth("steps-chunks") == 2 * chunks
    woken = [await parts.workers.do(order, chunk) for chunk in range(chunks) for _ in range(2)]
    assert woken == [False] * (2 * chunks - 2) + [True, True]
    for _ in range(2):
        assert (await parts.steps.reduce(order)).problem is None
    for _ in range(2):
        await parts.steps.finish(order, None)
    await parts.runtime.events.settle()
    assert await parts.runtime.queues.depth("heard") == heard + 1
    result = pl.read_parquet(io.BytesIO(await parts.jobs.result("acme", order.id)))
    expected = pl.read_csv(CONTENT).group_by("g").agg(s=pl.col("i").sum(), m=pl.col("i").median()).sort("g")
    assert result.equals(expected)


async def test_a_worker_that_ends_after_its_job_was_discarded_leaves_nothing(parts: Parts) -> None:
    order = await parts.accepted()
    await parts.steps.plan(order)
    await parts.workers.do(order, 0)
    assert any("parts/" in name for name in await parts.blobs(order))

    class Late(WorkRepository):
        """The owner discards the job just before the report of a chunk is stored."""

        async def put_report(self, *given: Any) -> None:
            await parts.jobs.discard("job", "acme", order.id)
            await super().put_report(*given)

    parts.workers._work = Late(parts.work._table, parts.work._chunks)
    assert not await parts.workers.do(order, 1)
    assert await parts.blobs(order) == []
    assert not await parts.workers.do(order, 0)
    assert (await parts.steps.check(order)).gone
    await parts.steps.finish(order, None)
    assert (await parts.jobs.describe("job", "acme", order.id)).status == "discarded"


async def test_a_failed_job_leaves_nothing_and_announces_its_failure_once(parts: Parts) -> None:
    order = await parts.accepted()
    heard = await parts.runtime.queues.depth("heard")
    await parts.steps.plan(order)
    await parts.workers.do(order, 0)
    for _ in range(2):
        await parts.steps.finish(order, {"title": "It failed", "detail": "on purpose"})
    await parts.runtime.events.settle()
    assert await parts.runtime.queues.depth("heard") == heard + 1
    assert await parts.blobs(order) == []
    found = await parts.jobs.describe("job", "acme", order.id)
    assert (found.status, found.result, found.error) == ("failed", None, {"title": "It failed", "detail": "on purpose"})


async def test_a_result_is_written_once(parts: Parts) -> None:
    order = await parts.accepted()
    await parts.artefacts.put_frame(order, RESULT, pl.DataFrame({"a": [1]}), if_absent=True)
    await parts.artefacts.put_frame(order, RESULT, pl.DataFrame({"a": [2]}), if_absent=True)
    assert (await parts.artefacts.frame(parts.artefacts.address(order, RESULT))).item() == 1


async def test_another_tenant_sees_no_job_and_no_dataset(parts: Parts) -> None:
    order = await parts.accepted()
    with pytest.raises(JobNotFound):
        await parts.jobs.describe("job", "other", order.id)
    with pytest.raises(DatasetNotFound):
        await parts.jobs._datasets.describe("other", parts.dataset)
