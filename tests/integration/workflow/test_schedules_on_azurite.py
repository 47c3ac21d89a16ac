"""Schedules over Azurite and a durable engine: one start for a tick, whatever happens."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from functions.workflow import composition
from functions.workflow.schemas import DefinitionId

SET = "do: [{s: {set: {events: '${ [$workflow.input[]?.data] }'}}}]"


async def put(house: Any, schedule: str, version: str = "1.0.0", body: str = SET) -> None:
    head = f"document: {{dsl: '1.0.3', namespace: test, name: timed, version: '{version}'}}\n"
    await composition.definitions().put(house.caller.tenant, f"{head}{schedule}\n{body}".encode())


async def tick(house: Any, seconds: float, began: datetime | None = None) -> None:
    """What the timer does, so long from now, or from when the test began."""
    now = began or datetime.now(UTC)
    await composition.schedules().run_due(composition.instances(), house.client, now + timedelta(seconds=seconds))
    await house.idle()


async def started(house: Any) -> list[Any]:
    rows = await composition.instance_store().page(house.caller.tenant, after=None, limit=50)
    return [await house.read(row.key[2:]) for row in rows]


async def shown(house: Any, version: str = "1.0.0") -> Any:
    return await composition.schedules().read(house.caller.tenant, "test", "timed", version)


async def send(house: Any, *events: tuple[str, Any]) -> list[dict[str, Any]]:
    sent = [
        {"specversion": "1.0", "id": uuid4().hex, "source": "/t", "type": kind, "data": data} for kind, data in events
    ]
    await composition.intake().accept(house.caller.tenant, sent, house.client)
    await house.idle()
    return sent


async def test_every_starts_once_an_interval_and_once_for_those_that_were_missed(house: Any) -> None:
    await put(house, "schedule: {every: PT1M}")
    began = datetime.now(UTC)
    await tick(house, 20, began)
    assert await started(house) == []
    await tick(house, 61, began)
    await tick(house, 61, began)
    assert len(await started(house)) == 1
    await tick(house, 390, began)
    assert [item.status for item in await started(house)] == ["completed"] * 2
    following = datetime.fromisoformat((await shown(house)).next_run_at)
    assert following > began + timedelta(seconds=390)


async def test_several_processes_that_see_a_tick_start_one_instance(house: Any) -> None:
    await put(house, "schedule: {cron: '* * * * *'}")
    began = datetime.now(UTC)
    await asyncio.gather(*(tick(house, 61, began) for _ in range(4)))
    assert len(await started(house)) == 1
    assert (await shown(house)).last_instance == (await started(house))[0].id


async def test_after_starts_at_once_and_again_after_the_end(house: Any) -> None:
    await put(house, "schedule: {after: PT1H}", body="do: [{w: {wait: PT1M}}]")
    await tick(house, 1)
    await tick(house, 8000)
    assert len(await started(house)) == 1
    assert (await shown(house)).next_run_at is None
    assert house.clock.go_to_next()
    await house.idle()
    ended = datetime.fromisoformat((await started(house))[0].ended_at)
    assert datetime.fromisoformat((await shown(house)).next_run_at) == ended + timedelta(hours=1)


async def test_an_event_starts_an_instance_with_it_as_input_once(house: Any) -> None:
    await put(house, "schedule: {on: {one: {with: {type: order.placed, data: '${ .total > 10 }'}}}}")
    [event, _] = await send(house, ("order.placed", {"total": 11}), ("order.placed", {"total": 1}))
    await composition.intake().accept(house.caller.tenant, [event], house.client)
    await house.idle()
    [instance] = await started(house)
    assert instance.input[0]["id"] == event["id"]
    assert instance.output == {"events": [{"total": 11}]}


async def test_all_events_that_correlate_start_one_instance(house: Any) -> None:
    link = "correlate: {o: {from: .data.o}}"
    await put(house, f"schedule: {{on: {{all: [{{with: {{type: a}}, {link}}}, {{with: {{type: b}}, {link}}}]}}}}")
    await send(house, ("a", {"o": 1}), ("b", {"o": 2}), ("b", {"o": 1}), ("a", {"o": 3}))
    [instance] = await started(house)
    assert instance.output == {"events": [{"o": 1}, {"o": 1}]}
    await send(house, ("a", {"o": 2}))
    assert len(await started(house)) == 2


async def test_events_until_a_condition_start_one_instance(house: Any) -> None:
    await put(house, "schedule: {on: {any: [{with: {type: a}}], until: '. | length > 2'}}")
    await send(house, *(("a", n) for n in range(7)))
    assert sorted(item.output["events"] for item in await started(house)) == [[0, 1, 2], [3, 4, 5]]


async def test_a_later_version_moves_the_schedule_and_deprecating_it_moves_it_back(house: Any) -> None:
    await put(house, "schedule: {on: {one: {with: {type: a}}}}")
    await put(house, "schedule: {on: {one: {with: {type: a}}}}", "2.0.0")
    await put(house, "schedule: {every: PT1S}", "1.5.0")
    assert await shown(house) is None
    await send(house, ("a", 1))
    assert [item.version for item in await started(house)] == ["2.0.0"]
    id = DefinitionId(namespace="test", name="timed", version="2.0.0")
    await composition.definitions().deprecate(house.caller.tenant, id, deprecated=True)
    assert (await shown(house, "1.5.0")).next_run_at is not None
    await send(house, ("a", 2))
    assert len(await started(house)) == 1


async def test_a_latest_version_without_a_schedule_ends_it(house: Any) -> None:
    await put(house, "schedule: {every: PT1S}")
    await put(house, "", "1.1.0")
    await tick(house, 10)
    assert await started(house) == []


async def test_a_start_that_is_refused_is_told_and_the_schedule_goes_on(house: Any) -> None:
    await put(house, "schedule: {every: PT1S}\ninput: {schema: {document: {type: object}}}")
    await tick(house, 2)
    found = await shown(house)
    assert "does not fit" in found.last_error
    assert found.next_run_at is not None
    assert json.loads(found.model_dump_json(by_alias=True))["lastInstance"] is None
