"""Events from the way in down to Azurite and the durable engine, to the instances that listen."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.reader import read_document
from durable.workflow.eventing import arrivals
from functions.workflow import composition, event_intake
from functions.workflow.schemas import StartRequest

ONE = """
do:
  - hear: {listen: {to: {one: {with: {type: order.paid}, correlate: {o: {from: .data.id, expect: '${ .id }'}}}}}}
"""


def event(type: str, data: Any = None, id: str | None = None, **attributes: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": id or uuid4().hex, "source": "/t", "type": type, "data": data, **attributes}


async def put(house: Any, body: str, name: str = "listener") -> StartRequest:
    text = f"document: {{dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0'}}\n{body}"
    await composition.definitions().put(house.caller.tenant, text.encode())
    return StartRequest(namespace="test", name=name)


async def start(house: Any, request: StartRequest, given: Any = None) -> str:
    filled = request.model_copy(update={"input": given})
    head = await composition.instances().start(house.caller, filled, None, house.client)
    await house.idle()
    return str(head.id)


async def send(house: Any, *events: dict[str, Any], tenant: str | None = None) -> int:
    taken = await composition.intake().accept(tenant or house.caller.tenant, events, house.client)
    await house.idle()
    return int(taken)


async def test_an_event_reaches_the_one_instance_that_correlates(house: Any) -> None:
    request = await put(house, ONE)
    waiting = [await start(house, request, {"id": f"o{n}"}) for n in range(3)]
    assert [(await house.read(id)).status for id in waiting] == ["waiting"] * 3
    await send(house, event("order.paid", {"id": "o1", "total": 5}))
    found = [await house.read(id) for id in waiting]
    assert [item.status for item in found] == ["waiting", "completed", "waiting"]
    assert found[1].output == [{"id": "o1", "total": 5}]


async def test_nothing_is_left_of_a_listener_that_ended(house: Any) -> None:
    request = await put(house, ONE)
    await start(house, request, {"id": "o1"})
    await send(house, event("order.paid", {"id": "o1"}))
    table = house.runtime.tables.table("workflowinstances")
    assert [row.key async for row in table.query(house.caller.tenant, prefix="s!")] == []


async def test_the_same_event_is_handled_once_however_often_it_comes(house: Any) -> None:
    request = await put(
        house,
        "do: [{each: {for: {each: n, in: '[1, 2]'}, do: [{hear: {listen: {to: {one: {with: {type: x}}}}, "
        "export: {as: '[($context | arrays | .[]), .[0]]'}}}]}}]\noutput: {as: $context}",
    )
    instance_id = await start(house, request)
    first = event("x", 1)
    assert await send(house, first) == 1
    assert await send(house, first) == 0
    assert (await house.read(instance_id)).status == "waiting"
    await send(house, event("x", 2))
    assert (await house.read(instance_id)).output == [1, 2]


async def test_an_event_that_comes_before_the_instance_listens_is_kept_for_it(house: Any) -> None:
    request = await put(house, ONE.replace("do:", "do:\n  - pause: {wait: PT1H}"))
    instance_id = await start(house, request, {"id": "o7"})
    await send(house, event("order.paid", {"id": "o8"}), event("order.paid", {"id": "o7"}))
    assert house.clock.go_to_next()
    await house.idle()
    assert (await house.read(instance_id)).output == [{"id": "o7"}]


async def test_an_event_from_before_the_instance_is_not_for_it(house: Any) -> None:
    request = await put(house, ONE)
    await send(house, event("order.paid", {"id": "o1"}))
    instance_id = await start(house, request, {"id": "o1"})
    assert (await house.read(instance_id)).status == "waiting"


async def test_many_events_are_taken_in_the_order_in_which_they_came(house: Any) -> None:
    request = await put(house, "do: [{hear: {listen: {to: {any: [{with: {type: x}}], until: '. | length > 44'}}}}]")
    instance_id = await start(house, request)
    for first in range(0, 45, 15):
        await send(house, *(event("x", n) for n in range(first, first + 15)))
    assert (await house.read(instance_id)).output == list(range(45))
    table = house.runtime.tables.table("workflowinstances")
    assert [row.key async for row in table.query(house.caller.tenant, prefix="q!")] == []


async def test_an_engine_that_restarts_while_events_come_loses_none(house: Any) -> None:
    request = await put(house, "do: [{hear: {listen: {to: {any: [{with: {type: x}}], until: '. | length > 5'}}}}]")
    instance_id = await start(house, request)
    for n in range(6):
        await composition.intake().accept(house.caller.tenant, [event("x", n)], house.client)
        await house.restart()
    await house.idle()
    assert (await house.read(instance_id)).output == list(range(6))


async def test_another_tenants_event_is_not_heard(house: Any) -> None:
    instance_id = await start(house, await put(house, ONE), {"id": "o1"})
    await composition.subscriptions().announce("other", event_intake.listened_to(_definition(ONE)))
    assert await send(house, event("order.paid", {"id": "o1"}), tenant="other") == 1
    assert (await house.read(instance_id)).status == "waiting"


async def test_what_a_crash_kept_from_being_delivered_is_delivered_later(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance_id = await start(house, await put(house, ONE), {"id": "o1"})

    async def killed(*_: Any) -> None:
        raise ConnectionError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(house.client, "raise_event", killed)
        await send(house, event("order.paid", {"id": "o1"}))
    assert (await house.read(instance_id)).status == "waiting"
    monkeypatch.setattr(event_intake, "DELIVERY_GRACE", timedelta(seconds=-5))
    assert await composition.intake().recover(house.client) >= 1
    await house.idle()
    assert (await house.read(instance_id)).status == "completed"
    assert await composition.intake().recover(house.client) == 0


async def test_a_listener_whose_instance_is_gone_is_removed(house: Any) -> None:
    instance_id = await start(house, await put(house, ONE), {"id": "o1"})
    await house.engine.client.terminate(instance_id, "")
    await house.idle()
    await send(house, event("order.paid", {"id": "o1"}))
    table = house.runtime.tables.table("workflowinstances")
    assert [row.key async for row in table.query(house.caller.tenant, prefix="s!")] == []


async def test_old_events_are_swept(house: Any) -> None:
    await put(house, ONE)
    await send(house, event("order.paid", {"id": "o1"}))
    later = datetime.now(UTC) + arrivals.KNOWN + timedelta(seconds=1)
    assert await composition.arrivals().sweep(later) >= 2
    await house.idle()
    table = house.runtime.tables.table("workflowevents")
    assert [row.key async for row in table.query(house.caller.tenant)] == []


async def test_an_event_that_one_workflow_emits_is_heard_by_another(house: Any) -> None:
    listener = await start(house, await put(house, "do: [{hear: {listen: {to: {one: {with: {type: a.b}}}}}}]"))
    told = "do: [{tell: {emit: {event: {with: {source: 'https://x.example', type: a.b, data: {n: 1}}}}}}]"
    speaker = await start(house, await put(house, told, "speaker"))
    assert (await house.read(speaker)).status == "completed"
    await house.runtime.events.settle()
    await house.consume("workflow-events")
    assert (await house.read(listener)).output == [{"n": 1}]


async def test_events_that_nobody_ever_listened_to_do_not_pass_through_the_queue(house: Any) -> None:
    await start(house, await put(house, "do: [{tell: {emit: {event: {with: {source: 'https://x.y', type: z.z}}}}}]"))
    await house.runtime.events.settle()
    assert await house.runtime.queues.depth("workflow-events") == 0


def _definition(body: str) -> Any:
    head = "document: {dsl: '1.0.3', namespace: test, name: n, version: '1.0.0'}\n"
    return Definition.model_validate(read_document((head + body).encode()))


async def test_what_gathered_for_a_schedule_and_went_stale_is_swept(house: Any) -> None:
    await composition.schedules().sweep(datetime.now(UTC))
