"""Timers, external events, suspension, ends and starts by order: over both backends, with a virtual clock."""

import json
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

bp = df.Blueprint()


@bp.activity_trigger(input_name="name")
def greet(name: str) -> str:
    return f"Hello {name}!"


@bp.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext) -> Any:
    results = []
    for name in context.get_input():
        results.append((yield context.call_activity("greet", name)))
    return results


@bp.orchestration_trigger(context_name="context")
def sleeps(context: df.DurableOrchestrationContext) -> Any:
    begin = context.current_utc_datetime
    yield context.create_timer(begin + timedelta(hours=26))
    return (context.current_utc_datetime - begin).total_seconds()


@bp.orchestration_trigger(context_name="context")
def event_or_timeout(context: df.DurableOrchestrationContext) -> Any:
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    event = context.wait_for_external_event("go")
    winner = yield context.task_any([event, timer])
    if winner is event:
        timer.cancel()
        yield context.call_activity("greet", "after")
        return json.loads(event.result)
    return "timeout"


@bp.orchestration_trigger(context_name="context")
def two_events(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("greet", "early")
    first = yield context.wait_for_external_event("e")
    second = yield context.wait_for_external_event("e")
    return [first, second]


@bp.orchestration_trigger(context_name="context")
def immediate(context: df.DurableOrchestrationContext) -> Any:
    return context.get_input()


@bp.orchestration_trigger(context_name="context")
def event_or_month(context: df.DurableOrchestrationContext) -> Any:
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=30))
    yield context.task_any([context.wait_for_external_event("go"), timer])
    timer.cancel()


@bp.orchestration_trigger(context_name="context")
def sleeps_long(context: df.DurableOrchestrationContext) -> Any:
    yield context.create_timer(context.current_utc_datetime + timedelta(days=400))


async def test_a_26_hour_timer_survives_restarts(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("sleeps")
    for _ in range(3):
        await hub.idle()
        await hub.restart()
        hub.clock.advance(timedelta(hours=8))
    await hub.idle()
    assert (await hub.row(instance_id)).status == "Running"
    assert json.loads((await hub.finish(instance_id)).output) == 26 * 3600


async def test_an_event_ends_the_wait_and_the_cancelled_timer_never_fires(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("event_or_timeout")
    await hub.idle()
    await hub.engine.client.raise_event(instance_id, "go", json.dumps(json.dumps({"n": 1})))
    await hub.idle()
    row = await hub.row(instance_id)
    assert (row.status, json.loads(row.output)) == ("Completed", {"n": 1})
    assert hub.engine.waiting().timers == 0


async def test_the_timer_wins_when_no_event_comes(make_hub: Any) -> None:
    hub = await make_hub(bp)
    assert await hub.result("event_or_timeout") == "timeout"


async def test_early_events_are_kept_and_each_is_delivered_once(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("two_events")
    await hub.engine.client.raise_event(instance_id, "e", "1")
    await hub.engine.client.raise_event(instance_id, "e", "2")
    assert json.loads((await hub.finish(instance_id)).output) == [1, 2]


async def test_an_unread_event_survives_a_restart(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("two_events")
    await hub.idle()
    await hub.engine.client.raise_event(instance_id, "other", "0")
    await hub.engine.client.raise_event(instance_id, "e", "1")
    await hub.restart()
    await hub.engine.client.raise_event(instance_id, "e", "2")
    assert json.loads((await hub.finish(instance_id)).output) == [1, 2]


async def test_a_suspended_orchestration_takes_its_events_after_it_is_resumed(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("event_or_timeout")
    await hub.idle()
    await hub.engine.client.suspend(instance_id, "wait")
    await hub.idle()
    await hub.engine.client.raise_event(instance_id, "go", json.dumps("7"))
    await hub.idle()
    assert (await hub.row(instance_id)).status == "Suspended"
    await hub.restart()
    await hub.engine.client.resume(instance_id, "go on")
    assert json.loads((await hub.finish(instance_id)).output) == 7


async def test_a_timer_that_fires_while_suspended_fires_after_resume(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("sleeps")
    await hub.idle()
    await hub.engine.client.suspend(instance_id, None)
    await hub.idle()
    hub.clock.advance(timedelta(hours=30))
    await hub.idle()
    assert (await hub.row(instance_id)).status == "Suspended"
    await hub.engine.client.resume(instance_id, None)
    await hub.idle()
    assert json.loads((await hub.row(instance_id)).output) == 30 * 3600


async def test_terminate_ends_a_waiting_orchestration_with_the_reason(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("sleeps")
    await hub.idle()
    await hub.engine.client.terminate(instance_id, "enough")
    await hub.idle()
    row = await hub.row(instance_id)
    assert (row.status, json.loads(row.output)) == ("Terminated", "enough")
    assert hub.engine.waiting().timers == 0


async def test_a_delayed_start_waits_for_its_time_over_restarts(make_hub: Any) -> None:
    hub = await make_hub(bp)
    due = hub.clock.now() + timedelta(days=3)
    instance_id = await hub.engine.client.start("chain", None, json.dumps(json.dumps(["x"])), start_at=due)
    await hub.engine.client.raise_event(instance_id, "early", "1")
    await hub.idle()
    await hub.restart()
    await hub.idle()
    assert (await hub.row(instance_id)).status == "Pending"
    assert (await hub.finish(instance_id)).status == "Completed"
    assert hub.clock.now() == due


async def test_a_delayed_start_can_be_terminated(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.engine.client.start("chain", start_at=hub.clock.now() + timedelta(days=3))
    await hub.idle()
    await hub.engine.client.terminate(instance_id, "no")
    await hub.idle()
    assert (await hub.row(instance_id)).status == "Terminated"
    assert not hub.functions.calls


async def test_a_timer_of_400_days_is_split_into_steps_of_three_and_fires_to_the_second(make_hub: Any) -> None:
    hub = await make_hub(bp)
    begin = hub.clock.now()
    instance_id = await hub.start("sleeps_long")
    await hub.idle()
    await hub.restart()
    assert (await hub.finish(instance_id)).status == "Completed"
    assert hub.clock.now() - begin == timedelta(days=400)
    fired = [event for event in await hub.engine.client.history(instance_id) if event.get("TimerId") is not None]
    assert len(fired) == 133  # 132 steps while more than six days are left, then the rest


async def test_a_split_timer_that_is_cancelled_leaves_nothing_open(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("event_or_month")
    await hub.idle()
    hub.clock.advance(timedelta(days=4))
    await hub.idle()
    await hub.engine.client.raise_event(instance_id, "go", "1")
    await hub.idle()
    assert (await hub.row(instance_id)).status == "Completed"


async def test_any_state_lets_a_running_instance_be_replaced(make_hub: Any) -> None:
    hub = await make_hub(bp, overridableExistingInstanceStates="AnyState")
    await hub.start("event_or_timeout", instance_id="one")
    await hub.idle()
    await hub.start("immediate", "new", instance_id="one")
    assert json.loads((await hub.finish("one")).output) == "new"
