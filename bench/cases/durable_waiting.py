"""Orchestrations that all wait for an event at once, then one event to each, beside the SDK's replay of their turns.

10,000 of them (2,000 when quick); for 50,000 run `python -m bench.apps.waiting 50000`.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import Any

import azure.functions as func

from bench.apps.waiting import EVENT, blueprint
from bench.contest import BenchError, Contest, Effort, Sample, Side
from local.layout import ROOT

TIME = "2026-01-01T00:00:00.0000000Z"
_TURN, _BEGIN, _EVENT = 12, 0, 15


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Each round is a process of its own, so that its peak memory is its own."""
    count = 2_000 if effort.quick else 10_000
    ours = Side("engine and SQLite, start to end", partial(_run, count))
    limit = Side("SDK replay of both turns", partial(_replay, count))
    yield [Contest(f"{count} waiting for an event", "runs/s", ours, limit)]


async def waiting(count: int) -> dict[str, float]:
    """What a process of its own tells of so many orchestrations that waited. Raises BenchError."""
    command = (sys.executable, "-W", "ignore", "-m", "bench.apps.waiting", str(count))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        answer, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        raise BenchError(f"the orchestrations did not end well (exit code {process.returncode})")
    seen: dict[str, float] = json.loads(answer)
    return seen


async def _run(count: int) -> Sample:
    seen = await waiting(count)
    total_s = seen["start_s"] + seen["complete_s"]
    details = {"total s": total_s, "p50 ms": seen["p50_ms"], "p99 ms": seen["p99_ms"], "peak MiB": seen["peak_mib"]}
    return Sample(count / total_s, details)


async def _replay(count: int) -> Sample:
    code = blueprint._function_builders[0]._function._func
    first = [_event(_TURN), _event(_BEGIN, Name="waits", Version=None)]
    turns = [first, [*first, _event(_TURN), _event(_EVENT, Name=EVENT, Input="7")]]
    arguments = [_argument(history) for history in turns]
    began = perf_counter()
    for _ in range(count):
        for argument in arguments:
            answer = code(func.OrchestrationContext(argument))
    took = perf_counter() - began
    if json.loads(answer)["output"] != 7:
        raise BenchError(f"the replay ended wrong: {answer}")
    return Sample(count / took)


def _event(kind: int, **fields: Any) -> dict[str, Any]:
    return {"EventType": kind, "EventId": -1, "IsPlayed": False, "Timestamp": TIME, **fields}


def _argument(history: list[dict[str, Any]]) -> str:
    head = {"instanceId": "w", "isReplaying": False, "parentInstanceId": None, "input": None}
    return json.dumps({**head, "upperSchemaVersion": 1, "upperSchemaVersionNew": 2, "history": history})
