"""Mistakes in an orchestrator's code are named: unknown functions, and replays that ask for something else."""

import json
from typing import Any

import azure.durable_functions as df

bp = df.Blueprint()
changing = {"name": "greet"}


@bp.activity_trigger(input_name="name")
def greet(name: str) -> str:
    return f"Hello {name}!"


@bp.activity_trigger(input_name="number")
async def square(number: int) -> int:
    return number * number


@bp.orchestration_trigger(context_name="context")
def misnames(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("no_such_activity", 1)


@bp.orchestration_trigger(context_name="context")
def changes(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity(changing["name"], 2)
    yield context.wait_for_external_event("go")


async def test_an_unknown_activity_fails_with_the_known_ones(make_hub: Any) -> None:
    hub = await make_hub(bp)
    row = await hub.run("misnames")
    assert row.status == "Failed"
    assert "The function 'no_such_activity' doesn't exist" in row.output
    assert "'greet'" in row.output


async def test_code_that_replays_differently_is_named(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("changes")
    await hub.idle()
    changing["name"] = "square"
    await hub.restart()  # code that is in memory is not replayed
    try:
        await hub.engine.client.raise_event(instance_id, "go", "null")
        row = await hub.finish(instance_id)
    finally:
        changing["name"] = "greet"
    assert row.status == "Failed"
    assert "Non-Deterministic workflow detected" in row.output
    assert "the activity 'greet' as action 0, but the replay scheduled the activity 'square'" in row.output


@bp.orchestration_trigger(context_name="context")
def counts_its_beginnings(context: df.DurableOrchestrationContext) -> Any:
    beginnings.append(context.instance_id)
    name = "greet" if len(beginnings) == 1 else "square"
    yield context.call_activity(name, 2)
    yield context.wait_for_external_event("go")
    return name


beginnings: list[str] = []


async def test_code_that_depends_on_chance_is_named_at_its_next_replay(make_hub: Any, keeps_code: bool) -> None:
    """Stated limit: code that stays in memory is not replayed, so its mistake shows at a restart, not before."""
    beginnings.clear()
    hub = await make_hub(bp)
    instance_id = await hub.start("counts_its_beginnings")
    await hub.idle()
    status = "Running" if keeps_code else "Failed"
    assert (await hub.row(instance_id)).status == status
    await hub.restart()
    if keeps_code:
        await hub.engine.client.raise_event(instance_id, "go", "null")
    row = await hub.finish(instance_id)
    assert row.status == "Failed"
    assert "the activity 'greet' as action 0, but the replay scheduled the activity 'square'" in json.loads(row.output)


async def test_code_that_was_let_go_of_for_want_of_room_is_replayed_and_named(make_hub: Any) -> None:
    beginnings.clear()
    hub = await make_hub(bp, maxExtendedSessions=0)
    instance_id = await hub.start("counts_its_beginnings")
    assert "Non-Deterministic workflow detected" in (await hub.finish(instance_id)).output
