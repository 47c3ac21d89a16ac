"""A process of five steps as a definition: beside the same by hand on the same host, and beside two other engines.

What the interpreter adds is its own: expressions in jq (each over data of its own), the data flow, task states and
events. Both sides make five calls of the same activity and record their end.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from uuid import uuid4

from bench import peers
from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.processes import APPS
from chassis.work import WorkContext
from durable.workflow.dsl.accept import accept
from durable.workflow.jq_process import process_evaluator
from durable.workflow.models import StartInstance
from funchost.host import Host
from funchost.host_json import read_host_json
from funchost.indexing import index_app

STEPS = 5
STEP = """  - step{n}:
      call: processing.discardJob
      with: {{id: '${{ "\\(.id)-{n}" }}'}}
      output: {{as: '{{id, steps: ($input.steps + 1)}}'}}
"""
DEFINITION = (
    "document: {dsl: '1.0.3', namespace: bench, name: five-steps, version: '1.0.0'}\ndo:\n"
    + "".join(STEP.format(n=n) for n in range(STEPS))
).encode()
FROZEN = accept(DEFINITION, process_evaluator()).frozen
WORK = WorkContext(tenant="bench", subject="bench")
NUMBERS = count()


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start a whole host in this process, without HTTP, on a SQLite file of its own."""
    app = APPS / "process"
    await peers.installed()
    with TemporaryDirectory(prefix="bench-") as folder:
        host_json = read_host_json(app / "host.json")
        host = Host(index_app(app), host_json, state_dir=Path(folder), base_url="http://127.0.0.1", host_id="bench")
        await host.start()
        try:
            yield _contests(host, 60 if effort.quick else 200)
        finally:
            await host.drain(5, _nothing)
            await host.close()


def _contests(host: Host, runs: int) -> Sequence[Contest]:
    name = f"{runs} runs of a process of {STEPS} steps"
    ours = Side("a definition, interpreted", partial(_complete, host, "interpreted", runs))
    by_hand = Side("by hand, the same host", partial(_complete, host, "by_hand", runs))
    dbos = Side("DBOS 3.4 on SQLite", partial(_engine, "bench.apps.dbos_chain", runs))
    durabletask = Side("durabletask 1.12 in memory", partial(_engine, "bench.apps.durabletask_chain", runs))
    return [
        Contest(name, "runs/s", ours, by_hand, goal=0.5),
        Contest(name, "runs/s", ours, dbos),
        Contest(name, "runs/s", ours, durabletask),
    ]


async def _complete(host: Host, orchestrator: str, runs: int) -> Sample:
    """Start that many runs, wait until the last one is stored as completed."""
    given = [{"id": f"job-{next(NUMBERS)}", "steps": 0} for _ in range(runs)]
    inputs = [_start(data) if orchestrator == "interpreted" else data for data in given]
    began = perf_counter()
    ids = [await host.engine.client.start(orchestrator, uuid4().hex, json.dumps(json.dumps(item))) for item in inputs]
    await _idle(host)
    took = perf_counter() - began
    for instance_id in ids:
        row = await host.engine.client.get(instance_id)
        if row is None or row.status != "Completed" or "completed" not in str(row.output):
            raise BenchError(f"{instance_id} ended wrong: {row}")
    return Sample(runs / took)


async def _idle(host: Host) -> None:
    while True:
        waiting = host.engine.waiting()
        if not waiting.orchestrations and not waiting.activities:
            return
        await asyncio.sleep(0.002)


def _start(data: dict[str, Any]) -> dict[str, Any]:
    start = StartInstance(instance_id=uuid4().hex, definition=FROZEN, input=data, created_at="now", work=WORK)
    return start.model_dump(mode="json")


async def _engine(module: str, runs: int) -> Sample:
    """Complete runs of another engine, in a process of its own."""
    return Sample((await peers.report(module, str(runs)))["rate"])


async def _nothing() -> None:
    """No HTTP request is under way."""
