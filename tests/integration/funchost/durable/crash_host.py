"""A process that runs orchestrations on a hub file until it is killed: `python crash_host.py DIR COUNT WAVES`.

It starts `COUNT` orchestrations of each shape under fixed ids for each of `WAVES` waves, and the events they wait
for, goes on with what an earlier process left, prints `open` when it has the hub and `ready` when everything is
accepted, and ends with exit code 0 when all are complete and right.
Every activity writes a line to DIR/ran, every acknowledgement one to DIR/accepted.
"""

import asyncio
import json
import os
import sys
import warnings
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from funchost.durable import DurableEngine
from funchost.durable.backend import InstanceEnded, InstanceExists
from funchost.durable.live import keeping

DIRECTORY, COUNT, WAVES = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext) -> Any:
    total = 0
    for number in range(4):
        total += yield context.call_activity("double", number)
    return total


@bp.orchestration_trigger(context_name="context")
def fan(context: df.DurableOrchestrationContext) -> Any:
    results = yield context.task_all([context.call_activity("double", number) for number in range(5)])
    return sum(results)


@bp.orchestration_trigger(context_name="context")
def timed(context: df.DurableOrchestrationContext) -> Any:
    yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=300))
    value = yield context.call_activity("double", 6)
    return value


@bp.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext) -> Any:
    first = yield context.wait_for_external_event("first")
    second = yield context.wait_for_external_event("second")
    return first + second


@bp.orchestration_trigger(context_name="context")
def nested(context: df.DurableOrchestrationContext) -> Any:
    one = yield context.call_sub_orchestrator("chain")
    two = yield context.call_sub_orchestrator("fan")
    return one + two


@bp.orchestration_trigger(context_name="context")
def flaky(context: df.DurableOrchestrationContext) -> Any:
    try:
        yield context.call_activity_with_retry("fails", df.RetryOptions(20, 3), 1)
    except Exception:  # noqa: BLE001 - the SDK raises no narrower type
        value = yield context.call_activity("double", 3)
        return value


@bp.orchestration_trigger(context_name="context")
def renewed(context: df.DurableOrchestrationContext) -> Any:
    left = int(context.get_input())
    yield context.call_activity("double", left)
    if left == 0:
        return "landed"
    context.continue_as_new(left - 1)


@bp.orchestration_trigger(context_name="context")
def tallies(context: df.DurableOrchestrationContext) -> Any:
    tally = df.EntityId("tally", context.instance_id)
    context.signal_entity(tally, "add", 1)
    yield context.call_activity("double", 1)
    context.signal_entity(tally, "add", 2)
    total = yield context.call_entity(tally, "add", 3)
    return total


@bp.entity_trigger(context_name="context")
def tally(context: df.DurableEntityContext) -> None:
    total = context.get_state(lambda: 0) + int(context.get_input())
    context.set_state(total)
    context.set_result(total)


EXPECTED = {
    "chain": 12,
    "fan": 20,
    "timed": 12,
    "waits": 3,
    "nested": 32,
    "flaky": 6,
    "renewed": "landed",
    "tallies": 6,
}
CODE = {builder._function._func.__name__: keeping(builder._function._func) for builder in bp._function_builders}
FUNCTIONS = {name: ("orchestrator", name) for name in EXPECTED}
FUNCTIONS |= {"double": ("activity", "double"), "fails": ("activity", "fails"), "tally": ("entity", "tally")}


async def invoke(name: str, argument: str, _trace_parent: str | None) -> Any:
    if name == "tally":
        return CODE[name](func.EntityContext(argument))
    if name in CODE:
        return CODE[name](func.OrchestrationContext(argument))
    with (DIRECTORY / "ran").open("a") as ran:
        ran.write(f"{name}\n")
    await asyncio.sleep(0.01)
    if name == "fails":
        raise ValueError("always")
    return 2 * json.loads(argument)


def accepted(what: str) -> None:
    with (DIRECTORY / "accepted").open("a") as log:
        log.write(what + "\n")
        log.flush()
        os.fsync(log.fileno())


async def provide(engine: DurableEngine, instance_id: str, name: str, done: set[str]) -> None:
    if instance_id not in done:
        with suppress(InstanceExists):
            await engine.client.start(name, instance_id, '"3"')
        accepted(instance_id)
    for number, event in enumerate(("first", "second"), 1):
        if name == "waits" and f"{instance_id}/{event}" not in done:
            # Ended: the event had been stored, only its acknowledgement was not written down.
            with suppress(InstanceEnded):
                await engine.client.raise_event(instance_id, event, str(number))
            accepted(f"{instance_id}/{event}")


async def complete(engine: DurableEngine, instance_id: str, expected: Any) -> None:
    while True:
        row = await engine.client.get(instance_id)
        assert row is not None, f"{instance_id} was accepted and is lost"
        if row.status.is_final:
            assert row.output is not None
            assert (row.status, json.loads(row.output)) == ("Completed", expected), row
            return
        await asyncio.sleep(0.02)


async def main() -> None:
    # One process keeps orchestrators' code in memory, another replays it: on the same hub.
    settings = {"hubName": "crash", "extendedSessionsEnabled": os.getpid() % 2 == 0}
    engine = DurableEngine(FUNCTIONS, invoke, settings, DIRECTORY, "http://127.0.0.1:1")
    await engine.start()
    print("open", flush=True)
    log = DIRECTORY / "accepted"
    done = set(log.read_text().split()) if log.exists() else set()
    numbers = [f"{wave}-{number}" for wave in range(WAVES) for number in range(COUNT)]
    wanted = {f"{name}-{number}": name for number in numbers for name in EXPECTED}
    await asyncio.gather(*(provide(engine, instance_id, name, done) for instance_id, name in wanted.items()))
    print("ready", flush=True)
    await asyncio.gather(*(complete(engine, instance_id, EXPECTED[name]) for instance_id, name in wanted.items()))
    await engine.drain(1)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asyncio.run(main())
