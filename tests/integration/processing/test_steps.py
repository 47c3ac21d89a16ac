"""The steps and workers on real storage, each done more than once, as at-least-once delivery will have it."""

import base64
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import polars as pl
import pytest
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobClient

from chassis.context import CallContext, Principal, calling
from chassis.runtime import Runtime
from chassis.settings import Settings
from durable.jobs.models import Order
from functions.processing.artefacts import RESULT, Artefacts
from functions.processing.datasets import Datasets
from functions.processing.errors import DatasetComplete, DatasetNotFound, JobNotFound, WorkEnded
from functions.processing.formats import registry
from functions.processing.formats.delimited import Delimited
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

    async def accepted(self, query: str = QUERY) -> Order:
        """A job that is stored and not started."""

        async def start(_: Order) -> None:
            return

        id = await self.jobs.run(CALLER, JobRequest(dataset=self.dataset, query=query), None, start)
        return Order(kind="job", tenant="acme", id=id)

    async def run(self, order: Order) -> pl.DataFrame:
        """Every step and chunk of the orchestration, one after the other, and the result."""
        planned = await self.steps.plan(order)
        assert planned.problem is None
        stage = 0
        for _ in range(10):
            standing = await self.steps.check(order)
            assert standing.problem is None
            if standing.plan_again:
                await self.steps.plan(order)
            elif standing.complete:
                break
            work = await self.work.get(order)
            assert work is not None
            stage = standing.stage
            plan = await self.artefacts.plan(order, work.generation)
            assert plan is not None
            for index in range(len(plan.chunks), plan.tasks) if stage else range(len(plan.chunks)):
                await self.workers.do(order, index, work.generation)
        assert (await self.steps.reduce(order)).problem is None
        await self.steps.finish(order, None)
        return pl.read_parquet(io.BytesIO(await self.jobs.result("acme", order.id)))

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
        steps = JobSteps(work, artefacts, planner, Reducer(work, artefacts), runtime.queues, ("steps-chunks",))
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


async def test_a_query_by_key_deals_rows_out_and_gives_what_the_whole_table_gives(parts: Parts) -> None:
    query = "SELECT g, i, rank() OVER (PARTITION BY g ORDER BY i DESC) AS r FROM input QUALIFY r <= 2 ORDER BY g, r"
    order = await parts.accepted(query)
    found = await parts.run(order)
    assert found.rows() == [("a", 299_997, 1), ("a", 299_994, 2), ("b", 299_998, 1), ("b", 299_995, 2),
                            ("c", 299_999, 1), ("c", 299_996, 2)]  # fmt: skip
    plan = await parts.jobs.plan("acme", order.id)
    assert (plan.mode, plan.keys) == ("keys", ("g",))


async def test_a_quick_plan_that_was_wrong_is_made_again_and_its_stragglers_change_nothing(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = partial(Delimited, quick_from_bytes=1, quick_chunk_bytes=500_000, sample_bytes=2_000)
    monkeypatch.setattr(registry, "Delimited", quick)
    at = CONTENT.index(b"\n", len(CONTENT) * 2 // 5) + 1
    created = await parts.jobs._datasets.create(CALLER, DatasetRequest(name="n"), None)
    content = CONTENT[:at] + b'"a\nb",0.5\n' + CONTENT[at:]
    await parts.jobs._datasets._container.put(f"acme/{created.id}", content)
    parts.dataset = created.id
    order = await parts.accepted("SELECT count(*) AS n, count(DISTINCT g) AS g, sum(i) AS s FROM input")
    assert (await parts.run(order)).rows() == [(300_001, 4, 44_999_850_000.5)]
    found = await parts.jobs.describe("job", "acme", order.id)
    assert (found.status, found.progress.total_rows, found.progress.rows) == ("completed", 300_001, 300_001)
    assert not await parts.workers.do(order, 0, 0)


async def test_a_quick_plan_that_was_right_stays(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = partial(Delimited, quick_from_bytes=1, quick_chunk_bytes=500_000, sample_bytes=2_000)
    monkeypatch.setattr(registry, "Delimited", quick)
    order = await parts.accepted("SELECT count(*) AS n, sum(i) AS s FROM input")
    assert (await parts.run(order)).rows() == [(300_000, 44_999_850_000)]
    work = await parts.work.get(order)
    assert work is not None
    assert (work.generation, work.rows) == (0, None)


async def test_a_cancelled_job_ends_once_and_keeps_nothing(parts: Parts) -> None:
    order = await parts.accepted()
    await parts.steps.plan(order)
    await parts.workers.do(order, 0)
    for _ in range(2):
        await parts.jobs.cancel("acme", order.id)
    assert await parts.blobs(order) == []
    assert not await parts.workers.do(order, 1)
    assert (await parts.steps.check(order)).gone
    done = await parts.accepted()
    await parts.run(done)
    with pytest.raises(WorkEnded, match="completed"):
        await parts.jobs.cancel("acme", done.id)


async def test_a_broken_off_upload_goes_on_with_the_blocks_that_are_missing(parts: Parts) -> None:
    datasets = parts.jobs._datasets
    created = await datasets.create(CALLER, DatasetRequest(name="n"), None)
    pieces = [CONTENT[at : at + 1_000_000] for at in range(0, len(CONTENT), 1_000_000)]
    names = [f"{number:06d}" for number in range(len(pieces))]
    async with BlobClient.from_blob_url(created.upload_url) as blob:
        await blob.stage_block(names[0], pieces[0])
        await blob.stage_block(names[1], pieces[1])
    there = [base64.b64decode(block.id).decode() for block in (await datasets.blocks("acme", created.id)).items]
    assert there == names[:2]
    with pytest.raises(DatasetNotFound):
        await datasets.blocks("other", created.id)
    again = await datasets.renew_upload("acme", created.id)
    async with BlobClient.from_blob_url(again.upload_url) as blob:
        for name, piece in zip(names[2:], pieces[2:], strict=True):
            await blob.stage_block(name, piece)
        await blob.commit_block_list([BlobBlock(name) for name in names])
    assert (await datasets.describe("acme", created.id)).uploaded_bytes == len(CONTENT)
    with pytest.raises(DatasetComplete):
        await datasets.renew_upload("acme", created.id)


async def test_a_dataset_that_is_replaced_under_a_job_fails_it(parts: Parts) -> None:
    order = await parts.accepted()
    await parts.steps.plan(order)
    await parts.workers.do(order, 0)
    await parts.jobs._datasets._container.put(f"acme/{parts.dataset}", CONTENT.replace(b"a,", b"b,"))
    await parts.workers.do(order, 1)
    assert "was changed" in ((await parts.steps.check(order)).problem or {})["detail"]


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
