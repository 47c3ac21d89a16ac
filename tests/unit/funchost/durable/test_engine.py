"""Orchestrations of the real SDK, run by the engine over both backends with a virtual clock."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import azure.durable_functions as df
import pytest

from funchost.durable.backend import ActivityKey, Message, StorageUnavailable, TurnCommit
from funchost.durable.memory import MemoryBackend

bp = df.Blueprint()
attempts: dict[str, int] = {}


@bp.activity_trigger(input_name="name")
def greet(name: str) -> str:
    return f"Hello {name}!"


@bp.activity_trigger(input_name="number")
async def square(number: int) -> int:
    return number * number


@bp.activity_trigger(input_name="text")
def explode(text: str) -> None:
    raise ValueError(text)


@bp.activity_trigger(input_name="spec")
def fail_until(spec: dict[str, Any]) -> str:
    key = spec["key"]
    attempts[key] = attempts.get(key, 0) + 1
    if attempts[key] < spec["succeeds_at"]:
        raise RuntimeError(f"attempt {attempts[key]}")
    return f"{key} after {attempts[key]}"


@bp.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext) -> Any:
    results = []
    for name in context.get_input():
        results.append((yield context.call_activity("greet", name)))
    return results


@bp.orchestration_trigger(context_name="context")
def fan_out(context: df.DurableOrchestrationContext) -> Any:
    tasks = [context.call_activity(square, number) for number in range(context.get_input())]
    results = yield context.task_all(tasks)
    return sum(results)


@bp.orchestration_trigger(context_name="context")
def catches(context: df.DurableOrchestrationContext) -> Any:
    try:
        yield context.call_activity("explode", "boom")
    except Exception as error:  # noqa: BLE001 - the SDK raises no narrower type
        return str(error)


@bp.orchestration_trigger(context_name="context")
def throws(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("greet", "x")
    raise ValueError("no way")


@bp.orchestration_trigger(context_name="context")
def retries(context: df.DurableOrchestrationContext) -> Any:
    """Two retried activities beside plain work, so that sequence numbers interleave."""
    options = df.RetryOptions(5000, 3)
    spec = context.get_input()
    one = context.call_activity_with_retry("fail_until", options, {"key": f"{spec}-a", "succeeds_at": 3})
    two = context.call_activity_with_retry("fail_until", options, {"key": f"{spec}-b", "succeeds_at": 2})
    plain = context.call_activity("greet", "y")
    first = yield context.task_any([one, two, plain])
    after = yield context.call_activity("greet", "z")
    rest = yield context.task_all([one, two])
    return [first.result, after, rest]


@bp.orchestration_trigger(context_name="context")
def gives_up(context: df.DurableOrchestrationContext) -> Any:
    try:
        yield context.call_activity_with_retry("explode", df.RetryOptions(1000, 2), "again")
    except Exception as error:  # noqa: BLE001 - the SDK raises no narrower type
        done = yield context.call_activity("greet", "after")
        return [str(error).split(" \n")[0], done]


@bp.orchestration_trigger(context_name="context")
def parent(context: df.DurableOrchestrationContext) -> Any:
    value = yield context.call_sub_orchestrator("chain", ["a", "b"])
    try:
        yield context.call_sub_orchestrator("throws", None, "child-of-mine")
    except Exception as error:  # noqa: BLE001 - the SDK raises no narrower type
        return [value, str(error).split(" \n")[0]]


@bp.orchestration_trigger(context_name="context")
def retries_child(context: df.DurableOrchestrationContext) -> Any:
    options = df.RetryOptions(1000, 3)
    value = yield context.call_sub_orchestrator_with_retry("one_failure", options, context.get_input())
    last = yield context.call_activity("greet", "end")
    return [value, last]


@bp.orchestration_trigger(context_name="context")
def one_failure(context: df.DurableOrchestrationContext) -> Any:
    value = yield context.call_activity("fail_until", {"key": context.get_input(), "succeeds_at": 2})
    return value


@bp.orchestration_trigger(context_name="context")
def counts_down(context: df.DurableOrchestrationContext) -> Any:
    left = context.get_input()
    yield context.call_activity("greet", str(left))
    if left:
        context.continue_as_new(left - 1)
        return None
    return "landed"


@bp.orchestration_trigger(context_name="context")
def reports(context: df.DurableOrchestrationContext) -> Any:
    context.set_custom_status({"step": 1})
    yield context.wait_for_external_event("next")
    context.set_custom_status({"step": 2})
    yield context.wait_for_external_event("next")
    return "done"


@bp.orchestration_trigger(context_name="context")
def immediate(context: df.DurableOrchestrationContext) -> Any:
    return context.get_input()


@bp.orchestration_trigger(context_name="context")
def versions(context: df.DurableOrchestrationContext) -> Any:
    if context.get_input() == "leaf":
        return context.version
    default = yield context.call_sub_orchestrator("versions", "leaf")
    chosen = yield context.call_sub_orchestrator("versions", "leaf", version="2.0")
    return [context.version, default, chosen]


async def test_a_chain_returns_its_results_in_order(make_hub: Any) -> None:
    hub = await make_hub(bp)
    assert await hub.result("chain", ["x", "y", "z"]) == ["Hello x!", "Hello y!", "Hello z!"]


async def test_an_orchestrator_without_yield_returns_its_input(make_hub: Any) -> None:
    hub = await make_hub(bp)
    assert await hub.result("immediate", {"a": [1, None, "ü"]}) == {"a": [1, None, "ü"]}


async def test_fan_out_gathers_every_result(make_hub: Any) -> None:
    hub = await make_hub(bp)
    assert await hub.result("fan_out", 20) == sum(n * n for n in range(20))


async def test_the_orchestrator_sees_an_activity_failure_with_its_words(make_hub: Any) -> None:
    hub = await make_hub(bp)
    text = await hub.result("catches")
    assert text.startswith("Activity function 'explode' failed: ValueError: boom")


async def test_an_orchestrator_that_raises_fails_with_its_words(make_hub: Any) -> None:
    hub = await make_hub(bp)
    row = await hub.run("throws")
    assert (row.status, json.loads(row.output)) == ("Failed", "Orchestrator function 'throws' failed: no way")


async def test_retries_keep_their_numbers_apart_from_other_work(make_hub: Any) -> None:
    hub = await make_hub(bp)
    key = uuid4().hex
    assert await hub.result("retries", key) == ["Hello y!", "Hello z!", [f"{key}-a after 3", f"{key}-b after 2"]]


async def test_retries_wait_the_interval_between_attempts(make_hub: Any) -> None:
    hub = await make_hub(bp)
    begin = hub.clock.now()
    await hub.result("retries", uuid4().hex)
    assert hub.clock.now() - begin == timedelta(seconds=10)


async def test_after_the_last_attempt_the_error_reaches_the_code(make_hub: Any) -> None:
    hub = await make_hub(bp)
    result = await hub.result("gives_up")
    assert result == ["Activity function 'explode' failed: ValueError: again", "Hello after!"]
    assert hub.functions.calls.count("explode") == 2


async def test_a_sub_orchestration_gives_its_result_or_its_failure(make_hub: Any) -> None:
    hub = await make_hub(bp)
    result = await hub.result("parent")
    assert result == [["Hello a!", "Hello b!"], "Orchestrator function 'throws' failed: no way"]
    assert (await hub.row("child-of-mine")).status == "Failed"


async def test_a_sub_orchestration_is_retried(make_hub: Any) -> None:
    hub = await make_hub(bp)
    key = uuid4().hex
    assert await hub.result("retries_child", key) == [f"{key} after 2", "Hello end!"]


async def test_continue_as_new_starts_over_with_a_short_history(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("counts_down", 4)
    row = await hub.finish(instance_id)
    assert json.loads(row.output) == "landed"
    assert hub.functions.calls.count("greet") == 5
    assert len(await hub.engine.client.history(instance_id)) == 8


async def test_the_custom_status_follows_the_code(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("reports")
    seen = []
    for _ in range(2):
        await hub.idle()
        seen.append(json.loads((await hub.row(instance_id)).custom_status))
        await hub.engine.client.raise_event(instance_id, "next", "null")
    assert seen == [{"step": 1}, {"step": 2}]
    assert (await hub.finish(instance_id)).status == "Completed"


@pytest.mark.parametrize("name", ["chain", "retries", "parent", "retries_child", "counts_down"])
async def test_restarts_between_any_two_steps_change_no_result(make_hub: Any, name: str) -> None:
    hub = await make_hub(bp)
    value = {"chain": ["x", "y"], "counts_down": 2}.get(name, uuid4().hex)
    instance_id = await hub.start(name, value)
    while not (await hub.row(instance_id)).status.is_final:
        await hub.restart()
        await hub.idle()
        hub.clock.advance_to_next()
    assert (await hub.row(instance_id)).status == "Completed"


async def test_versions_are_the_default_or_the_chosen_one(make_hub: Any) -> None:
    hub = await make_hub(bp, defaultVersion="1.5")
    assert await hub.result("versions") == ["1.5", "1.5", "2.0"]


class Stumbling(MemoryBackend):
    """Refuses the first try of everything that stores."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()

    def _stumble(self, what: str) -> None:
        if what not in self.refused:
            self.refused.add(what)
            raise StorageUnavailable("disk full")

    async def commit(self, turn: TurnCommit) -> list[Message]:
        self._stumble(f"turn {len(turn.events)} {turn.row.status}")
        return await super().commit(turn)

    async def record_result(self, key: ActivityKey, result: Message) -> Message | None:
        self._stumble(f"result {key.task_id}")
        return await super().record_result(key, result)


async def test_a_store_that_refuses_delays_and_changes_nothing(make_hub_over: Any) -> None:
    backend = Stumbling()
    hub = await make_hub_over(bp, backend)
    instance_id = await hub.start("chain", ["x", "y"])
    while not (await hub.row(instance_id)).status.is_final:
        await asyncio.sleep(0)
        hub.clock.advance(timedelta(milliseconds=100))
    assert json.loads((await hub.row(instance_id)).output) == ["Hello x!", "Hello y!"]
    assert len(backend.refused) >= 4
    assert hub.functions.calls.count("greet") == 2
