"""A chain of five activities: complete runs with storage, beside the SDK's replay of the same turns and nothing else.

The limit's arguments are those that the engine really gave the orchestrator in one run: six turns.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import azure.functions as func

from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.processes import APPS
from funchost.host import Host
from funchost.host_json import read_host_json
from funchost.indexing import index_app

STEPS = 5
ORCHESTRATOR = "chain"


class Recorder:
    """Keeps what the orchestrator is given, until it is stopped; then it costs one call."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.arguments: list[str] = []
        self.is_on = True

        @wraps(function)
        def recorded(context: func.OrchestrationContext) -> Any:
            if self.is_on:
                self.arguments.append(context.body)
            return function(context)

        self.recorded = recorded


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start a whole host in this process, without HTTP, on a SQLite file of its own."""
    app = APPS / "chain"
    orchestrator, *others = sorted(index_app(app), key=lambda definition: definition.name != ORCHESTRATOR)
    recorder = Recorder(orchestrator.user_function)
    definitions = [replace(orchestrator, user_function=recorder.recorded), *others]
    with TemporaryDirectory(prefix="bench-") as folder:
        host = Host(definitions, read_host_json(app / "host.json"), state_dir=Path(folder), base_url="http://127.0.0.1")
        await host.start()
        try:
            await _complete(host, 1)
            recorder.is_on = False
            if len(recorder.arguments) != STEPS + 1:
                raise BenchError(f"one run took {len(recorder.arguments)} turns instead of {STEPS + 1}")
            runs = 60 if effort.quick else 300
            yield [
                Contest(
                    f"chain of {STEPS} activities, {runs} runs at once",
                    "runs/s",
                    Side("host, engine and SQLite", partial(_complete, host, runs)),
                    Side("SDK replay alone", partial(_replay, orchestrator.user_function, recorder.arguments, runs)),
                    goal=0.8,
                )
            ]
        finally:
            await host.drain(5, _nothing)
            await host.close()


async def _complete(host: Host, runs: int) -> Sample:
    """Start that many runs, wait until the last one is stored as completed."""
    began = perf_counter()
    ids = [await host.engine.client.start(ORCHESTRATOR) for _ in range(runs)]
    await _idle(host)
    took = perf_counter() - began
    for instance_id in ids:
        row = await host.engine.client.get(instance_id)
        if row is None or row.status != "Completed" or row.output != str(STEPS):
            raise BenchError(f"{instance_id} ended wrong: {row}")
    return Sample(runs / took)


async def _replay(orchestrator: Callable[..., Any], turns: Sequence[str], runs: int) -> Sample:
    """Replay every turn of that many runs, one after the other."""
    began = perf_counter()
    for _ in range(runs):
        for argument in turns:
            answer = orchestrator(func.OrchestrationContext(argument))
    took = perf_counter() - began
    state = json.loads(answer)
    if not state["isDone"] or state["output"] != STEPS:
        raise BenchError(f"the replay ended wrong: {answer}")
    return Sample(runs / took)


async def _idle(host: Host) -> None:
    while True:
        waiting = host.engine.waiting()
        if not waiting.orchestrations and not waiting.activities:
            return
        await asyncio.sleep(0.002)


async def _nothing() -> None:
    """No HTTP request is under way."""
