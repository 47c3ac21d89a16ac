"""A chain of five activities: complete runs with storage, beside two other engines and beside the SDK's replay alone.

The replays are six a run, with the history that the official extension sends, and with only what the SDK reads of it.
The engines: DBOS on SQLite (its steps and workflows stored before they go on, as ours), durabletask in memory.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import azure.functions as func

from bench import peers
from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.processes import APPS
from bench.replay import turns_of_chain
from funchost.host import Host
from funchost.host_json import read_host_json
from funchost.indexing import index_app

STEPS = 5
ORCHESTRATOR, ACTIVITY = "chain", "add_one"


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start a whole host in this process, without HTTP, on a SQLite file of its own."""
    app = APPS / "chain"
    definitions = index_app(app)
    replayed = next(definition.user_function for definition in definitions if definition.name == ORCHESTRATOR)
    await peers.installed()
    with TemporaryDirectory(prefix="bench-") as folder:
        host_json = read_host_json(app / "host.json")
        host = Host(definitions, host_json, state_dir=Path(folder), base_url="http://127.0.0.1", host_id="bench")
        await host.start()
        try:
            yield _contests(host, replayed, 60 if effort.quick else 200)
        finally:
            await host.drain(5, _nothing)
            await host.close()


def _contests(host: Host, replayed: Callable[..., Any], runs: int) -> Sequence[Contest]:
    whole, lean = (turns_of_chain(ORCHESTRATOR, ACTIVITY, range(1, STEPS + 1), lean=lean) for lean in (False, True))
    name = f"{runs} runs of a chain of {STEPS} activities"
    ours = Side("host, engine and SQLite", partial(_complete, host, runs))
    limit = Side("SDK replay, whole history", partial(_replay, replayed, whole, runs))
    lower = Side("SDK replay, what it reads", partial(_replay, replayed, lean, runs))
    dbos = Side("DBOS 3.4 on SQLite", partial(_engine, "bench.apps.dbos_chain", runs))
    durabletask = Side("durabletask 1.12 in memory", partial(_engine, "bench.apps.durabletask_chain", runs))
    return [
        Contest(name, "runs/s", ours, limit, goal=0.8),
        Contest(name, "runs/s", ours, lower),
        Contest(name, "runs/s", ours, dbos, goal=1.0),
        Contest(name, "runs/s", ours, durabletask, goal=1.0),
    ]


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


async def _engine(module: str, runs: int) -> Sample:
    """Complete runs of another engine, in a process of its own."""
    return Sample((await peers.report(module, str(runs)))["rate"])


async def _idle(host: Host) -> None:
    while True:
        waiting = host.engine.waiting()
        if not waiting.orchestrations and not waiting.activities:
            return
        await asyncio.sleep(0.002)


async def _nothing() -> None:
    """No HTTP request is under way."""
