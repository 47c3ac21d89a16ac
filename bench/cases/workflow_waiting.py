"""Instances that are active at once, half on `listen` and half on `wait`, started and woken through the edge.

10,000 of them (500 when quick, or as many as `BENCH_WAITING` says), of twenty tenants. When all are active at once
each listener gets its event, and the waits end, one after the other. Beside it the durable engine alone, without HTTP,
tables and definitions: what of it is the engine's share.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.cases.durable_waiting import waiting
from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.statistics import percentile
from bench.tenants import Estate, estate
from local.demo.api import Api

TENANTS, AT_ONCE = 20, 8
SLOWEST_STARTS = 30.0
"""Starts a second that the machine is to make, else the first would end before the last has begun."""

ENDS = 40.0
"""Waits that end in a second, once all are active."""

LATEST_S, LOOKS_EVERY_S = 120.0, 3.0
"""How long after the last wait's end the last instance may complete, and how often that is looked at."""

HEAD = "document: {dsl: '1.0.3', namespace: bench, name: waiting, version: '1.0.0'}\n"
DEFINITION = (
    HEAD
    + """do:
  - choose: {switch: [{pause: {when: .seconds != null, then: pause}}, {hear: {then: hear}}]}
  - hear:
      listen: {to: {one: {with: {type: bench.go}, correlate: {number: {from: .data.number, expect: '${ .number }'}}}}}
      then: end
  - pause: {wait: '${ "PT\\(.seconds)S" }'}
"""
).encode()
NUMBERS = count()
Times = tuple[datetime, datetime]
"""When an instance began, and when it ended."""


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start edge, identity and workflow, and put the definition for each tenant."""
    wanted = int(os.environ.get("BENCH_WAITING") or (500 if effort.quick else 10_000))
    async with estate(("gateway", "identity", "workflow"), TENANTS) as made:
        for client in made.clients:
            await client.call("PUT", "/workflow/definitions", content=DEFINITION, content_type="application/yaml")
        ours = Side("through the edge, half listen, half wait", partial(_run, made, wanted))
        engine = Side("the durable engine alone", partial(_engine, wanted))
        yield [Contest(f"{wanted} active at once, started", "starts/s", ours, engine, rounds=1)]


async def _run(made: Estate, wanted: int) -> Sample:
    before = _resident_kib(made.platform.processes["workflow"])
    began = perf_counter()
    until = began + 15.0 + wanted / SLOWEST_STARTS
    started = await _gather([partial(_start, made, number, until) for number in range(wanted)])
    took = perf_counter() - began
    await asyncio.sleep(3)  # the last ones come to their wait
    if perf_counter() > until:
        raise BenchError(f"{wanted} were started in {took:.0f} s: the first ended before the last had begun")
    memory = (_resident_kib(made.platform.processes["workflow"]) - before) / wanted
    sent = dict(await _gather([partial(_wake, one) for one in started if one["number"] is not None]))
    last = until + wanted / 2 / ENDS
    await asyncio.sleep(max(0.0, last - perf_counter()))
    ended = await _ended(made, {one["id"] for one in started})
    delays = sorted((ended[id][1] - at).total_seconds() * 1000 for id, at in sent.items())
    late = sorted(_lasted_s(ended[one["id"]]) - one["seconds"] for one in started if one["number"] is None)
    details = {"p50 ms": percentile(delays, 0.5), "p99 ms": percentile(delays, 0.99), "KiB each": memory}
    return Sample(wanted / took, {**details, "waits late p99 ms": percentile(late, 0.99) * 1000})


def _lasted_s(times: Times) -> float:
    return (times[1] - times[0]).total_seconds()


async def _start(made: Estate, number: int, until: float) -> dict[str, Any]:
    client = made.clients[number % TENANTS]
    seconds = round(until + number / 2 / ENDS - perf_counter(), 1)
    given = {"seconds": seconds} if number % 2 else {"number": next(NUMBERS)}
    body = {"namespace": "bench", "name": "waiting", "input": given}
    head = await client.call("POST", "/workflow/instances", body)
    return {"id": head["id"], "number": given.get("number"), "seconds": seconds, "client": client}


async def _wake(one: dict[str, Any]) -> tuple[str, datetime]:
    client: Api = one["client"]
    event = {"specversion": "1.0", "id": one["id"], "source": "/bench", "type": "bench.go"}
    at = datetime.now(UTC)
    await client.call("POST", "/workflow/events", {**event, "data": {"number": one["number"]}})
    return one["id"], at


async def _ended(made: Estate, ids: set[str]) -> dict[str, Times]:
    """When each instance began and completed. Raises BenchError when one did not, long after it should have."""
    for _ in range(int(LATEST_S / LOOKS_EVERY_S)):
        found: dict[str, Times] = {}
        for client in made.clients:
            found |= await _completed(client)
        if ids <= found.keys():
            return found
        await asyncio.sleep(LOOKS_EVERY_S)
    raise BenchError(f"{len(ids - found.keys())} of {len(ids)} instances did not complete")


async def _completed(client: Api) -> dict[str, Times]:
    found: dict[str, Times] = {}
    params = {"status": "completed", "limit": "500"}
    while True:
        page = await client.call("GET", "/workflow/instances", params=params)
        for item in page["items"]:
            began, ended = (datetime.fromisoformat(item[name]) for name in ("startedAt", "endedAt"))
            found[item["id"]] = (began, ended)
        if page.get("next") is None:
            return found
        params["after"] = page["next"]


async def _gather(calls: Sequence[Any]) -> list[Any]:
    """The results of all, so many at a time."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(call: Any) -> Any:
        async with limit:
            return await call()

    return list(await asyncio.gather(*map(one, calls)))


def _resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


async def _engine(wanted: int) -> Sample:
    seen = await waiting(wanted)
    return Sample(wanted / seen["start_s"], {"p99 ms": seen["p99_ms"], "KiB each": seen["peak_mib"] * 1024 / wanted})
