"""A failure does not spread, and nothing that was accepted is lost."""

import asyncio
from pathlib import Path

import pytest

from local.demo import job
from local.demo.api import Api
from local.demo.job import Order
from local.platform import Platform
from local.webhooks import WebhookReceiver
from tests.e2e.audited import audited
from tests.flight_delays import assert_equal, expected

pytestmark = pytest.mark.asyncio(loop_scope="session")
KILLED_DURING = [
    ("workflow", "validate"),
    ("processing", "validate"),
    ("processing", "process"),
    ("reporting", "report"),
]


async def until_begun(api: Api, instance_id: str, task: str) -> None:
    async with asyncio.timeout(60):
        while True:
            tasks = (await api.call("GET", f"/workflow/instances/{instance_id}"))["tasks"]
            # A task may be over between two looks, on a fast machine or after a long pause.
            if task in [found["name"] for found in tasks if found["state"] in ("running", "completed")]:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("service", "task"), KILLED_DURING)
async def test_a_service_killed_in_the_middle_does_not_change_the_result(
    service: str, task: str, api: Api, order: Order, platform: Platform, tmp_path: Path
) -> None:
    instance_id = await job.start(api, order, await job.upload(api, order))
    await until_begun(api, instance_id, task)
    await platform.kill(service)
    instance = await job.finished(api, instance_id, 180)
    assert instance["status"] == "completed", instance["error"]
    paths = {path.suffix: path for path in await job.fetch_files(api, instance["output"]["report"], tmp_path)}
    assert_equal(paths[".csv"], expected(order.csv, order.airlines))
    steps = ("processing.validation.completed", "processing.job.completed", "reporting.report.completed")
    trail = await audited(api, "io.serverlessworkflow.workflow.completed.v1", *steps)
    types = [item["event"]["type"] for item in trail.items]
    assert [types.count(step) for step in steps] == [1, 1, 1]


async def test_without_notification_the_job_completes_and_the_delivery_follows_later(
    api: Api, order: Order, receiver: WebhookReceiver, platform: Platform
) -> None:
    await platform.stop_service("notification")
    try:
        instance_id = await job.start(api, order, await job.upload(api, order))
        instance = await job.finished(api, instance_id, 120)
        assert instance["status"] == "completed", instance["error"]
        assert receiver.deliveries == []
    finally:
        await platform.start_service("notification")
    message = await job.delivered(api, instance["output"]["message"], 60)
    assert message["status"] == "delivered"
    assert len(receiver.verified()) == 1
