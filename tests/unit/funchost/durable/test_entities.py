"""Entities: their state, their answers, their place among orchestrations."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import azure.durable_functions as df
from azure.durable_functions.models.actions.SignalEntityAction import SignalEntityAction

from funchost.durable.backend import InstanceFilter
from funchost.durable.entities import EntityId

bp = df.Blueprint()


@bp.activity_trigger(input_name="name")
def greet(name: str) -> str:
    return f"Hello {name}!"


@bp.entity_trigger(context_name="context", entity_name="Counter")
def counter(context: df.DurableEntityContext) -> None:
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
        context.set_state(value)
    elif context.operation_name == "delete":
        context.destruct_on_exit()
        return
    elif context.operation_name != "get":
        raise ValueError(f"no operation {context.operation_name}")
    context.set_result(value)


@bp.orchestration_trigger(context_name="context")
def uses_entity(context: df.DurableOrchestrationContext) -> Any:
    key = df.EntityId("Counter", context.get_input())
    context.signal_entity(key, "add", 5)
    first = yield context.call_entity(key, "add", 2)
    both = yield context.task_all([context.call_entity(key, "add", 1), context.call_activity("greet", "x")])
    try:
        yield context.call_entity(key, "burn")
    except Exception as error:  # noqa: BLE001 - the SDK raises no narrower type
        last = yield context.call_entity(key, "get")
        return [first, both, str(error), last]


class Scheduled(SignalEntityAction):
    """A signal with a time: the protocol has it, this SDK has no method for it."""

    def __init__(self, entity: df.EntityId, value: int, fire_at: datetime) -> None:
        super().__init__(entity, "add", value)
        self._fire_at = fire_at

    @property
    def action_type(self) -> int:
        return 10

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"fireAt": self._fire_at.isoformat()}


@bp.orchestration_trigger(context_name="context")
def signals_later(context: df.DurableOrchestrationContext) -> Any:
    key, now = df.EntityId("Counter", context.instance_id), context.current_utc_datetime
    for hours in (5, 2):
        context._record_fire_and_forget_action(Scheduled(key, hours, now + timedelta(hours=hours)))
    first = yield context.call_entity(key, "add", 1)
    return first


async def test_an_entity_keeps_its_state_and_answers(make_hub: Any) -> None:
    hub = await make_hub(bp)
    assert await hub.result("uses_entity", "k1") == [7, [8, "Hello x!"], "no operation burn", 8]
    await hub.restart()
    await hub.engine.client.signal_entity(EntityId("Counter", "k1"), "add", json.dumps("2"))
    await hub.idle()
    entity = await hub.engine.client.read_entity(EntityId("counter", "k1"))
    assert (entity.input, entity.instance_id) == ("10", "@counter@k1")
    await hub.engine.client.signal_entity(EntityId("Counter", "k1"), "delete", None)
    await hub.idle()
    assert await hub.engine.client.read_entity(EntityId("Counter", "k1")) is None


async def test_entities_are_not_listed_among_orchestrations(make_hub: Any) -> None:
    hub = await make_hub(bp)
    await hub.engine.client.signal_entity(EntityId("Counter", "k2"), "add", json.dumps("1"))
    await hub.idle()
    assert (await hub.engine.client.query(InstanceFilter())).rows == []


async def test_restarts_between_any_two_steps_change_no_result(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("uses_entity", uuid4().hex)
    while not (await hub.row(instance_id)).status.is_final:
        await hub.restart()
        await hub.idle()
        hub.clock.advance_to_next()
    assert (await hub.row(instance_id)).status == "Completed"


async def test_a_scheduled_signal_waits_for_its_time_over_restarts(make_hub: Any) -> None:
    hub = await make_hub(bp)
    begin = hub.clock.now()
    instance_id = await hub.start("signals_later")
    assert json.loads((await hub.finish(instance_id)).output) == 1
    seen = []
    for _ in range(3):
        entity = await hub.engine.client.read_entity(EntityId("counter", instance_id))
        seen.append((entity.input, hub.clock.now() - begin))
        await hub.restart()
        await hub.idle()
        hub.clock.advance_to_next()
        await hub.idle()
    assert seen == [("1", timedelta(0)), ("3", timedelta(hours=2)), ("8", timedelta(hours=5))]
    sent = [event for event in await hub.engine.client.history(instance_id) if event.get("Name") == "op"]
    assert [json.loads(event.get("Input")).get("due", "")[:13] for event in sent] == [
        "2026-01-01T05",
        "2026-01-01T02",
        "",
    ]
