"""Records that can't be used: a clear message, the bad rows named, nothing half-written."""

from dataclasses import replace
from typing import Any

import pytest

from local.demo import job
from local.demo.api import Api
from local.demo.errors import Refused
from local.demo.job import Order
from tests.e2e.audited import audited, by_time

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def outcome(api: Api, order: Order) -> dict[str, Any]:
    instance = await job.start(api, order, await job.upload(api, order))
    return await job.finished(api, instance, 120)


def with_bad_number(flights: bytes, row: int) -> bytes:
    lines = flights.split(b"\n")
    cells = lines[row].split(b",")
    cells[5] = b"late"
    lines[row] = b",".join(cells)
    return b"\n".join(lines)


def without_column(flights: bytes, index: int) -> bytes:
    rows = (line.split(b",") for line in flights.rstrip(b"\n").split(b"\n"))
    return b"\n".join(b",".join(cells[:index] + cells[index + 1 :]) for cells in rows)


async def assert_nothing_is_left(api: Api, instance: dict[str, Any]) -> None:
    done = [task["name"] for task in instance["tasks"] if task["state"] == "completed"]
    assert not {"process", "report", "notify"} & set(done)
    assert instance["output"] is None


async def test_a_bad_number_in_row_1000_is_named(api: Api, order: Order, some_flights: bytes) -> None:
    instance = await outcome(api, replace(order, csv=with_bad_number(some_flights, 1000)))
    assert instance["status"] == "faulted"
    (row,) = instance["error"]["problem"]["invalidRows"]
    assert (row["row"], row["field"]) == (1000, "/dep_delay")
    assert "late" in row["reason"]
    await assert_nothing_is_left(api, instance)


async def test_a_bad_row_is_set_aside_when_that_is_allowed(api: Api, order: Order, some_flights: bytes) -> None:
    instance = await outcome(api, replace(order, csv=with_bad_number(some_flights, 1000), max_invalid=1))
    assert instance["status"] == "completed", instance["error"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"year,month\n", "missing"),
        (b"%PDF-1.7\n\x00\x01\x02\xff\xfe binary", "not"),
        (b"<html><body>no records here</body></html>\n", "missing"),
    ],
)
async def test_a_file_without_the_records_is_refused_in_plain_words(
    api: Api, order: Order, content: bytes, words: str
) -> None:
    instance = await outcome(api, replace(order, csv=content))
    assert instance["status"] == "faulted"
    assert words in instance["error"]["detail"].lower()
    await assert_nothing_is_left(api, instance)


async def test_a_missing_column_is_named(api: Api, order: Order, some_flights: bytes) -> None:
    instance = await outcome(api, replace(order, csv=without_column(some_flights, 9)))
    assert instance["status"] == "faulted"
    assert "carrier" in instance["error"]["detail"]
    await assert_nothing_is_left(api, instance)


async def test_a_later_failure_undoes_what_came_before_in_reverse_order(api: Api, order: Order) -> None:
    definition = (job.EXAMPLE / "workflow.yaml").read_text()
    definition = definition.replace("name: flight-delays", "name: flight-delays-on-papyrus")
    definition = definition.replace("formats: ${ $context.formats }", "formats: [papyrus]")
    await api.raw("PUT", "/workflow/definitions", content=definition.encode(), content_type="application/yaml")
    started = await job.start(api, order, await job.upload(api, order), name="flight-delays-on-papyrus")
    instance = await job.finished(api, started, 120)
    assert instance["status"] == "faulted"
    discarded = ["processing.job.discarded", "processing.validation.discarded"]
    trail = await audited(api, "io.serverlessworkflow.workflow.faulted.v1", *discarded)
    assert [event["type"] for event in by_time(trail.items) if event["type"].endswith(".discarded")] == discarded


async def test_the_same_key_starts_one_workflow(api: Api, order: Order) -> None:
    dataset = await job.upload(api, replace(order, csv=b""))
    assert await job.start(api, order, dataset) == await job.start(api, order, dataset)


async def test_an_instance_of_nothing_known_is_refused(api: Api, order: Order) -> None:
    with pytest.raises(Refused) as caught:
        await api.call("POST", "/workflow/instances", {"namespace": "examples", "name": "no-such", "input": {}})
    assert caught.value.status == 404
