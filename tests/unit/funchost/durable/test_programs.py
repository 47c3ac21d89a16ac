"""Random orchestrations, random orders of completion, restarts anywhere: the result never depends on them.

What is at stake are the numbers by which results find their tasks (turn.py): the engine's must be the SDK's.
"""

import asyncio
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funchost.durable import DurableEngine
from funchost.durable.live import keeping
from funchost.durable.memory import MemoryBackend

bp = df.Blueprint()
Leaf = list[Any]


def schedule(context: df.DurableOrchestrationContext, leaf: Leaf) -> Any:
    match leaf:
        case ["activity", number]:
            return context.call_activity("double", number)
        case ["retry", number, fails]:
            return context.call_activity_with_retry("unsteady", df.RetryOptions(1000, fails + 1), [number, fails])
        case ["timer", seconds]:
            return context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))
        case ["child", number]:
            return context.call_sub_orchestrator("child", number)
        case ["entity", number]:
            return context.call_entity(df.EntityId("echo", "e"), "echo", number)
    raise AssertionError(leaf)


def expected(leaf: Leaf) -> Any:
    return {"timer": None, "entity": leaf[1]}.get(leaf[0], 2 * leaf[1])


@bp.orchestration_trigger(context_name="context")
def program(context: df.DurableOrchestrationContext) -> Any:
    everything = []
    for how, leaves in context.get_input():
        tasks = [schedule(context, leaf) for leaf in leaves]
        everything += tasks
        if how == "any":
            yield context.task_any(tasks)
        elif how == "all":
            yield context.task_all(tasks)
        else:
            try:
                yield context.call_activity_with_retry("unsteady", df.RetryOptions(1000, 2), [0, 9])
            except Exception:  # noqa: BLE001 - the SDK raises no narrower type
                yield context.task_any(tasks)
    results = yield context.task_all(everything)
    return results


@bp.orchestration_trigger(context_name="context")
def child(context: df.DurableOrchestrationContext) -> Any:
    value = yield context.call_activity("double", context.get_input())
    return value


@bp.entity_trigger(context_name="context")
def echo(context: df.DurableEntityContext) -> None:
    context.set_result(context.get_input())


CODE = {builder._function._func.__name__: keeping(builder._function._func) for builder in bp._function_builders}
FUNCTIONS = {
    "program": ("orchestrator", "program"),
    "child": ("orchestrator", "child"),
    "echo": ("entity", "echo"),
    "double": ("activity", "double"),
    "unsteady": ("activity", "unsteady"),
}


class Worker:
    """Runs functions, activities with pauses that a seed decides."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._failures: dict[str, int] = {}

    async def invoke(self, name: str, argument: str, _trace_parent: str | None) -> Any:
        if name == "echo":
            return CODE[name](func.EntityContext(argument))
        if name in CODE:
            return CODE[name](func.OrchestrationContext(argument))
        for _ in range(self._random.randrange(12)):
            await asyncio.sleep(0)
        value = json.loads(argument)
        if name == "double":
            return 2 * value
        number, fails = value
        self._failures[argument] = self._failures.get(argument, 0) + 1
        if fails == 9 or (self._random.random() < 0.5 and self._failures[argument] <= fails):
            raise ValueError("unsteady")
        return 2 * number


async def run(steps: list[Any], seed: int, clock: Any, settings: dict[str, Any]) -> Any:
    worker, backend, chance = Worker(seed), MemoryBackend(), random.Random(seed)

    def engine() -> DurableEngine:
        return DurableEngine(FUNCTIONS, worker.invoke, settings, Path("unused"), "http://x", clock, backend)

    running = engine()
    await running.start()
    instance_id = await running.client.start("program", None, json.dumps(json.dumps(steps)))
    for _ in range(5000):
        await asyncio.sleep(0)
        row = await running.client.get(instance_id)
        assert row is not None
        if row.status.is_final:
            await running.drain(0)
            return str(row.status), json.loads(row.output or "null")
        if chance.random() < 0.01:
            await running.drain(0)
            running = engine()
            await running.start()
        idle = not running.waiting().orchestrations and not running.waiting().activities
        if idle or chance.random() < 0.05:
            clock.advance_to_next()
    raise AssertionError("the orchestration hangs")


numbers = st.integers(0, 99)
leaves = st.one_of(
    st.tuples(st.just("activity"), numbers),
    st.tuples(st.just("retry"), numbers, st.integers(1, 2)),
    st.tuples(st.just("timer"), st.integers(0, 5)),
    st.tuples(st.just("child"), numbers),
    st.tuples(st.just("entity"), numbers),
)
programs = st.lists(
    st.tuples(st.sampled_from(["all", "any", "fails"]), st.lists(leaves, min_size=1, max_size=4)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(programs, st.integers(0, 10**6), st.booleans())
def test_the_result_depends_on_the_program_only(virtual_clock: Any, steps: list[Any], seed: int, kept: bool) -> None:
    status, output = asyncio.run(run(steps, seed, virtual_clock(), {"extendedSessionsEnabled": kept}))
    assert (status, output) == ("Completed", [expected(list(leaf)) for _, leaves in steps for leaf in leaves])
