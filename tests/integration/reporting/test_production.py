"""A report from the request to its files, on real storage and in a real rendering process."""

import csv
import hashlib
import io
from base64 import b64decode
from typing import Any

import orjson
import polars as pl
import pytest
from azure.storage.queue.aio import QueueClient

from chassis.context import Principal
from chassis.errors import Conflict, DependencyUnavailable
from chassis.messaging.message import Message, read_message
from chassis.runtime import Runtime
from functions.reporting import production, service
from functions.reporting.errors import FileNotFound, ReportNotFound
from functions.reporting.schemas import RenderReport, ReportRequest
from tests.integration.reporting.conftest import FakeProcessing

FRAME = pl.DataFrame(
    {
        "name": ["Endeavor Air", "United", "United"],
        "month": [1, 1, 2],
        "flights": [1573, 4637, 4346],
        "mean": [16.88251, 1 / 3, -0.5],
    }
)
REQUEST = ReportRequest.model_validate({"title": "Flight delays, 2013", "job": "job-1"})


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


async def queued(runtime: Runtime, queue: str) -> list[bytes]:
    async with QueueClient.from_connection_string(runtime.settings.storage_connection, queue) as client:
        found = []
        async for message in client.receive_messages(messages_per_page=32):
            found.append(b64decode(message.content))
            await client.delete_message(message)
        return found


async def commands(runtime: Runtime, id: str) -> list[Message[RenderReport]]:
    """The visible commands of one report; others that tests left are dropped."""
    messages = [read_message(body, RenderReport) for body in await queued(runtime, service.QUEUE)]
    return [message for message in messages if message.data.id == id]


async def events(runtime: Runtime, id: str) -> list[dict[str, Any]]:
    await runtime.events.settle()
    found = [orjson.loads(body) for body in await queued(runtime, *runtime.settings.event_subscriptions)]
    return [event for event in found if event["subject"] == id]


async def accepted(runtime: Runtime, caller: Principal, key: str | None = None) -> Message[RenderReport]:
    answer = await service.accept(runtime, caller, REQUEST, key)
    return (await commands(runtime, answer.id))[0]


async def test_a_report_is_made_stored_and_announced(
    runtime: Runtime, caller: Principal, processing: FakeProcessing
) -> None:
    processing.results["job-1"] = parquet(FRAME)
    command = await accepted(runtime, caller)
    await production.produce(runtime, command)

    shown = await service.show(runtime, caller, command.data.id)
    assert shown.status == "completed"
    assert shown.pages == 1
    assert [file.format for file in shown.files] == ["pdf", "xlsx", "csv"]
    for listed in shown.files:
        file = await service.read_file(runtime, caller, shown.id, listed.format)
        assert len(file.content) == listed.bytes
        assert hashlib.sha256(file.content).hexdigest() == listed.sha256
        assert file.name == f"flight-delays-2013.{listed.format}"
    announced = await events(runtime, shown.id)
    assert [event["type"] for event in announced] == ["reporting.report.completed"]
    assert announced[0]["correlationid"] == "run-1"
    assert announced[0]["data"]["pages"] == 1


async def test_the_csv_has_the_very_numbers_of_the_result(
    runtime: Runtime, caller: Principal, processing: FakeProcessing
) -> None:
    processing.results["job-1"] = parquet(FRAME)
    command = await accepted(runtime, caller)
    await production.produce(runtime, command)
    file = await service.read_file(runtime, caller, command.data.id, "csv")
    rows = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert [float(row["mean"]) for row in rows] == FRAME["mean"].to_list()


async def test_the_same_command_again_changes_nothing(
    runtime: Runtime, caller: Principal, processing: FakeProcessing
) -> None:
    processing.results["job-1"] = parquet(FRAME)
    command = await accepted(runtime, caller)
    await production.produce(runtime, command)
    await production.produce(runtime, command)
    assert len(processing.asked) == 1
    assert len(await events(runtime, command.data.id)) == 1


async def test_a_command_alone_is_enough_when_its_row_was_never_written(
    runtime: Runtime, caller: Principal, processing: FakeProcessing
) -> None:
    processing.results["job-1"] = parquet(FRAME)
    command = await accepted(runtime, caller)
    await runtime.tables.table("reports").delete(caller.tenant, command.data.id)
    await production.produce(runtime, command)
    assert (await service.show(runtime, caller, command.data.id)).status == "completed"


async def test_a_rendering_that_was_killed_is_begun_again(
    runtime: Runtime, caller: Principal, processing: FakeProcessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    processing.results["job-1"] = parquet(FRAME)
    command = await accepted(runtime, caller)
    with monkeypatch.context() as patch:

        async def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(production, "_complete", killed)
        with pytest.raises(KeyboardInterrupt):
            await production.produce(runtime, command)
    assert (await service.show(runtime, caller, command.data.id)).status == "running"
    await production.produce(runtime, command)
    assert (await service.show(runtime, caller, command.data.id)).status == "completed"


async def test_an_unknown_job_fails_the_report_with_a_clear_message(runtime: Runtime, caller: Principal) -> None:
    command = await accepted(runtime, caller)
    await production.produce(runtime, command)
    shown = await service.show(runtime, caller, command.data.id)
    assert shown.status == "failed"
    assert shown.error is not None
    assert shown.error["type"] == "urn:problem:reporting:job-not-usable"
    assert shown.error["detail"] == "job job-1: there is no such job"
    assert [event["type"] for event in await events(runtime, shown.id)] == ["reporting.report.failed"]


async def test_a_chart_over_an_unknown_column_fails_and_names_the_columns(
    runtime: Runtime, caller: Principal, processing: FakeProcessing
) -> None:
    processing.results["job-1"] = parquet(FRAME)
    request = REQUEST.model_validate({**REQUEST.model_dump(), "chart": {"x": "nonsense", "y": "flights"}})
    answer = await service.accept(runtime, caller, request, None)
    await production.produce(runtime, (await commands(runtime, answer.id))[0])
    shown = await service.show(runtime, caller, answer.id)
    assert shown.error is not None
    assert "its columns are: name, month, flights, mean" in shown.error["detail"]


async def test_a_result_that_is_no_parquet_fails_the_report(
    runtime: Runtime, caller: Principal, processing: FakeProcessing
) -> None:
    processing.results["job-1"] = b"not parquet"
    command = await accepted(runtime, caller)
    await production.produce(runtime, command)
    shown = await service.show(runtime, caller, command.data.id)
    assert (shown.status, shown.files) == ("failed", ())


async def test_a_service_that_is_away_puts_the_report_off(
    runtime: Runtime, caller: Principal, processing: FakeProcessing
) -> None:
    processing.results["job-1"] = DependencyUnavailable("processing did not answer")
    command = await accepted(runtime, caller)
    before = await runtime.queues.depth(service.QUEUE)
    await production.produce(runtime, command)
    shown = await service.show(runtime, caller, command.data.id)
    assert (shown.status, shown.error) == ("running", None)
    assert await runtime.queues.depth(service.QUEUE) == before + 1


async def test_a_report_fails_after_the_last_attempt(
    runtime: Runtime, caller: Principal, processing: FakeProcessing
) -> None:
    processing.results["job-1"] = DependencyUnavailable("processing did not answer")
    command = await accepted(runtime, caller)
    last = Message(**{**vars(command), "data": command.data.model_copy(update={"attempt": production.LAST_ATTEMPT})})
    await production.produce(runtime, last)
    assert (await service.show(runtime, caller, command.data.id)).status == "failed"


async def test_a_rendering_that_dies_again_and_again_fails_the_report(
    runtime: Runtime, caller: Principal, processing: FakeProcessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    processing.results["job-1"] = parquet(FRAME)
    monkeypatch.setattr("functions.reporting.renderer._MODULE", "no_such_module")
    command = await accepted(runtime, caller)
    for attempt in range(1, production.LAST_RENDERING + 1):
        assert (await service.show(runtime, caller, command.data.id)).status in {"pending", "running"}
        again = command.data.model_copy(update={"attempt": attempt})
        await production.produce(runtime, Message(**{**vars(command), "data": again}))
    assert (await service.show(runtime, caller, command.data.id)).status == "failed"


async def test_the_same_key_gives_the_same_report_and_another_request_is_refused(
    runtime: Runtime, caller: Principal
) -> None:
    first = await service.accept(runtime, caller, REQUEST, "key-1")
    again = await service.accept(runtime, caller, REQUEST, "key-1")
    assert again.id == first.id
    assert len(await commands(runtime, first.id)) == 1
    with pytest.raises(Conflict):
        await service.accept(runtime, caller, REQUEST.model_copy(update={"title": "Other"}), "key-1")


async def test_discarding_takes_the_files_away_and_may_be_repeated(
    runtime: Runtime, caller: Principal, processing: FakeProcessing
) -> None:
    processing.results["job-1"] = parquet(FRAME)
    command = await accepted(runtime, caller)
    await production.produce(runtime, command)
    await service.discard(runtime, caller, command.data.id)
    await service.discard(runtime, caller, command.data.id)
    shown = await service.show(runtime, caller, command.data.id)
    assert (shown.status, shown.files) == ("discarded", ())
    assert [name async for name in runtime.blobs.container("reports").list(f"{caller.tenant}/")] == []
    with pytest.raises(FileNotFound):
        await service.read_file(runtime, caller, command.data.id, "pdf")
    types = [event["type"] for event in await events(runtime, command.data.id)]
    assert types == ["reporting.report.completed", "reporting.report.discarded"]


async def test_a_report_discarded_while_it_is_rendered_leaves_no_file(
    runtime: Runtime, caller: Principal, processing: FakeProcessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    processing.results["job-1"] = parquet(FRAME)
    command = await accepted(runtime, caller)
    complete = production._complete

    async def discard_first(*arguments: Any) -> None:
        await service.discard(runtime, caller, command.data.id)
        await complete(*arguments)

    monkeypatch.setattr(production, "_complete", discard_first)
    await production.produce(runtime, command)
    assert (await service.show(runtime, caller, command.data.id)).status == "discarded"
    assert [name async for name in runtime.blobs.container("reports").list(f"{caller.tenant}/")] == []


async def test_another_tenant_sees_nothing(runtime: Runtime, caller: Principal) -> None:
    answer = await service.accept(runtime, caller, REQUEST, None)
    stranger = Principal(subject="x", tenant="stranger")
    for call in (service.show, service.discard):
        with pytest.raises(ReportNotFound):
            await call(runtime, stranger, answer.id)
