"""Rewind: failed work is done again, what had succeeded is not, and nothing that came meanwhile is lost."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest

from funchost.durable.backend import InstanceNotFound, Message, NotFailed
from funchost.durable.memory import MemoryBackend
from funchost.durable.rewinding import Rewinding

bp = df.Blueprint()
broken: set[str] = set()
gate: list[asyncio.Event] = []


@bp.activity_trigger(input_name="name")
def work(name: str) -> str:
    if name in broken:
        raise ValueError(f"{name} is broken")
    return name.upper()


@bp.activity_trigger(input_name="name")
async def slow(name: str) -> str:
    await gate[0].wait()
    return name.upper()


@bp.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext) -> Any:
    results = []
    for name in ("a", "b", "c"):
        results.append((yield context.call_activity("work", name)))
    return results


@bp.orchestration_trigger(context_name="context")
def undoes(context: df.DurableOrchestrationContext) -> Any:
    try:
        value = yield context.call_activity("work", "b")
    except Exception:
        yield context.call_activity("work", "undo")
        raise
    return value


@bp.orchestration_trigger(context_name="context")
def retries(context: df.DurableOrchestrationContext) -> Any:
    value = yield context.call_activity_with_retry("work", df.RetryOptions(1000, 3), "b")
    last = yield context.call_activity("work", "c")
    return [value, last]


@bp.orchestration_trigger(context_name="context")
def fans_out(context: df.DurableOrchestrationContext) -> Any:
    tasks = [context.call_activity("slow", "s"), context.call_activity("work", "b"), context.call_activity("work", "c")]
    results = yield context.task_all(tasks)
    return results


@bp.orchestration_trigger(context_name="context")
def parent(context: df.DurableOrchestrationContext) -> Any:
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    value = yield context.call_sub_orchestrator("chain")
    event = yield context.wait_for_external_event("go")
    yield timer
    return [value, event]


@bp.orchestration_trigger(context_name="context")
def waits_and_works(context: df.DurableOrchestrationContext) -> Any:
    event = yield context.wait_for_external_event("go")
    if "code" in broken:
        raise RuntimeError("a mistake in the code")
    return event


@pytest.fixture(autouse=True)
def _clean() -> None:
    broken.clear()
    gate[:] = [asyncio.Event()]


async def failed(hub: Any, name: str, *what: str) -> str:
    """Run an orchestration into its failure, then repair what was broken."""
    broken.update(what)
    instance_id: str = await hub.start(name)
    row = await hub.finish(instance_id)
    assert row.status == "Failed"
    broken.clear()
    return instance_id


async def test_only_what_failed_is_done_again(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await failed(hub, "chain", "b")
    await hub.restart()
    await hub.engine.client.rewind(instance_id, "repaired")
    assert json.loads((await hub.finish(instance_id)).output) == ["A", "B", "C"]
    assert hub.functions.calls.count("work") == 4
    notes = [event.get("Data") for event in await hub.engine.client.history(instance_id)]
    assert "Rewound: repaired" in notes


@pytest.mark.parametrize(("name", "output"), [("undoes", "B"), ("retries", ["B", "C"])])
async def test_code_that_did_more_after_the_failure_is_rewound_before_it(make_hub: Any, name: str, output: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await failed(hub, name, "b")
    await hub.engine.client.rewind(instance_id, None)
    assert json.loads((await hub.finish(instance_id)).output) == output


async def test_work_that_was_not_waited_for_is_done_again(make_hub: Any) -> None:
    hub = await make_hub(bp)
    broken.add("b")
    instance_id = await hub.start("fans_out")
    while not (await hub.row(instance_id)).status.is_final:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0)
    broken.clear()
    await hub.engine.client.rewind(instance_id, None)
    gate[0].set()
    assert json.loads((await hub.finish(instance_id)).output) == ["S", "B", "C"]


async def test_a_sub_orchestration_that_failed_goes_on_and_answers(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await failed(hub, "parent", "c")
    await hub.engine.client.rewind(instance_id, None)
    await hub.idle()
    await hub.restart()
    await hub.engine.client.raise_event(instance_id, "go", "7")
    assert json.loads((await hub.finish(instance_id)).output) == [["A", "B", "C"], 7]
    assert hub.functions.calls.count("work") == 4


async def test_an_event_that_came_before_the_mistake_is_told_again(make_hub: Any) -> None:
    hub = await make_hub(bp)
    broken.add("code")
    instance_id = await hub.start("waits_and_works")
    await hub.engine.client.raise_event(instance_id, "go", "7")
    assert (await hub.finish(instance_id)).status == "Failed"
    broken.clear()
    await hub.engine.client.rewind(instance_id, None)
    assert json.loads((await hub.finish(instance_id)).output) == 7


async def test_it_can_fail_and_be_rewound_again(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await failed(hub, "chain", "b")
    broken.add("c")
    await hub.engine.client.rewind(instance_id, None)
    assert "c is broken" in (await hub.finish(instance_id)).output
    broken.clear()
    await hub.engine.client.rewind(instance_id, None)
    assert json.loads((await hub.finish(instance_id)).output) == ["A", "B", "C"]


async def test_what_has_not_failed_is_refused(make_hub: Any) -> None:
    hub = await make_hub(bp)
    row = await hub.run("chain")
    with pytest.raises(NotFailed, match="Completed"):
        await hub.engine.client.rewind(row.instance_id, None)
    with pytest.raises(InstanceNotFound):
        await hub.engine.client.rewind("nobody", None)


async def test_parent_and_child_are_rewound_together_or_not_at_all(make_hub: Any, monkeypatch: Any) -> None:
    """The host may die right after the rewind is stored, before anything of it is taken up."""
    hub = await make_hub(bp)
    instance_id = await failed(hub, "parent", "c")
    monkeypatch.setattr(hub.engine._worker, "go_on", _die)
    with pytest.raises(KeyboardInterrupt):
        await hub.engine.client.rewind(instance_id, None)
    await hub.restart()
    await hub.engine.client.raise_event(instance_id, "go", "7")
    assert json.loads((await hub.finish(instance_id)).output) == [["A", "B", "C"], 7]


def _die(*_: Any) -> None:
    raise KeyboardInterrupt


class Meanwhile(MemoryBackend):
    """Lets a sub-orchestration change between the plan of a rewind and its storing."""

    def __init__(self) -> None:
        super().__init__()
        self.happens: list[Any] = []

    async def rewind(self, rewinding: Rewinding) -> list[Message]:
        while self.happens:
            await self.happens.pop()()
        return await super().rewind(rewinding)


@bp.orchestration_trigger(context_name="context")
def parent_of_a_waiting_one(context: df.DurableOrchestrationContext) -> Any:
    child = context.call_sub_orchestrator("waits_and_works", instance_id="child")
    value, _ = yield context.task_all([child, context.call_activity("work", "b")])
    return value


async def test_a_child_that_ends_while_the_rewind_is_planned_still_answers(make_hub_over: Any) -> None:
    backend = Meanwhile()
    hub = await make_hub_over(bp, backend)
    broken.add("b")
    instance_id = await hub.start("parent_of_a_waiting_one")
    while not (await hub.row(instance_id)).status.is_final:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0)
    broken.clear()

    async def ends() -> None:
        await hub.engine.client.raise_event("child", "go", "7")
        await hub.idle()

    backend.happens.append(ends)
    await hub.engine.client.rewind(instance_id, None)
    assert json.loads((await hub.finish(instance_id)).output) == 7
