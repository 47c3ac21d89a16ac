"""Orchestrations that wait for an event, all at once; then one event to each: `python -m bench.apps.waiting COUNT`.

Twenty events are under way at a time. Prints JSON: seconds to start all, seconds until all are complete, p50 and p99
from event to completion in ms, peak resident memory in MiB. An event and a completion count when they are stored.
"""

import asyncio
import json
import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from funchost.durable import DurableEngine
from funchost.durable.backend import Message, TurnCommit
from funchost.durable.live import keeping
from funchost.durable.sqlite import SqliteBackend

ORCHESTRATOR, EVENT = "waits", "go"
SENDERS = 20
STARTERS = 200
blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")  # type: ignore[untyped-decorator]
def waits(context: df.DurableOrchestrationContext) -> Any:
    """Give back what the event brings."""
    value = yield context.wait_for_external_event(EVENT)
    return value


class Watched(SqliteBackend):
    """Notes when an orchestration's end is on the disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.ended: dict[str, float] = {}
        self.watched: dict[str, asyncio.Event] = {}

    async def commit(self, turn: TurnCommit) -> list[Message]:
        """Apply a turn and note its end."""
        stored = await super().commit(turn)
        if turn.row.status.is_final:
            self.ended[turn.row.instance_id] = perf_counter()
            self.watched.pop(turn.row.instance_id).set()
        return stored


async def measure(count: int, folder: Path) -> dict[str, float]:
    """Start, send, wait; raises RuntimeError when an orchestration did not end as it should."""
    code = keeping(blueprint._function_builders[0]._function._func)
    backend = Watched(folder / "waiting.db")

    async def invoke(_name: str, argument: str, _trace_parent: str | None) -> Any:
        return code(func.OrchestrationContext(argument))

    engine = DurableEngine(
        {ORCHESTRATOR: ("orchestrator", ORCHESTRATOR)}, invoke, {}, folder, "http://x", None, backend
    )
    await engine.start()
    ids = [f"w{number:06d}" for number in range(count)]
    began = perf_counter()
    await _each(ids, STARTERS, lambda instance_id: engine.client.start(ORCHESTRATOR, instance_id))
    await _idle(engine)
    started = perf_counter()
    sent: dict[str, float] = {}

    async def send(instance_id: str) -> None:
        ended = backend.watched[instance_id] = asyncio.Event()
        sent[instance_id] = perf_counter()
        await engine.client.raise_event(instance_id, EVENT, "7")
        await ended.wait()

    await _each(ids, SENDERS, send)
    await _idle(engine)
    ended = perf_counter()
    if len(backend.ended) != count:
        raise RuntimeError(f"{len(backend.ended)} of {count} ended")
    await engine.drain(5)
    waited = sorted(backend.ended[instance_id] - sent[instance_id] for instance_id in ids)
    return {
        "start_s": started - began,
        "complete_s": ended - started,
        "p50_ms": waited[count // 2] * 1000,
        "p99_ms": waited[count * 99 // 100] * 1000,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


async def _each(ids: list[str], at_once: int, act: Any) -> None:
    line = iter(ids)

    async def work() -> None:
        for instance_id in line:
            await act(instance_id)

    await asyncio.gather(*(work() for _ in range(at_once)))


async def _idle(engine: DurableEngine) -> None:
    while engine.waiting().orchestrations:  # noqa: ASYNC110 - the engine has no event for it
        await asyncio.sleep(0.002)


if __name__ == "__main__":
    with TemporaryDirectory(prefix="bench-") as where:
        print(json.dumps(asyncio.run(measure(int(sys.argv[1]), Path(where)))))
