"""The main job through the edge, on the real records, and its proofs."""

from pathlib import Path

import pytest

from chassis.manifest import SERVICES
from local.demo import job
from local.demo.api import Api
from local.demo.data import airlines, flights_csv
from local.demo.job import Order
from local.platform import Platform
from local.webhooks import WebhookReceiver
from tests.e2e.audited import audited
from tests.flight_delays import assert_equal, expected

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_336776_flights_become_the_right_report(
    api: Api, order: Order, receiver: WebhookReceiver, platform: Platform, tmp_path: Path
) -> None:
    flights = flights_csv()
    assert flights.count(b"\n") == 336_777
    whole = Order(flights, airlines(), 0, order.user_id, order.email, order.webhook)
    mails_before = set(platform.mail_folder.glob("*.eml"))
    await api.call("GET", "/gateway/routes")
    await api.call("GET", "/monitoring/health")
    instance_id = await job.start(api, whole, await job.upload(api, whole))
    instance = await job.finished(api, instance_id, 180)
    assert instance["status"] == "completed", instance["error"]

    paths = {path.suffix: path for path in await job.fetch_files(api, instance["output"]["report"], tmp_path)}
    assert_equal(paths[".csv"], expected(flights, airlines()))
    assert paths[".pdf"].read_bytes().startswith(b"%PDF-")
    assert paths[".xlsx"].read_bytes().startswith(b"PK")

    message = await job.delivered(api, instance["output"]["message"], 60)
    assert {d["channel"]: d["status"] for d in message["deliveries"]} == {
        "signalr": "delivered",
        "email": "delivered",
        "webhook": "delivered",
    }
    assert {delivery.verified for delivery in receiver.deliveries} == {True}
    assert len(receiver.verified()) == 1
    mails = [mail.read_text() for mail in set(platform.mail_folder.glob("*.eml")) - mails_before]
    # Of the runs before, one may have come late.
    assert len([mail for mail in mails if instance["output"]["report"] in mail]) == 1

    steps = ("processing.validation.completed", "processing.job.completed", "reporting.report.completed")
    trail = await audited(api, "io.serverlessworkflow.workflow.completed.v1", *steps)
    assert trail.complete

    spans = await job.trace(api, len(SERVICES) + 1, timeout_s=60)
    assert {span["service"] for span in spans} == {*SERVICES, "edge"}
