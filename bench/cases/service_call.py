"""A call to another service as ours make it (token, deadline, trace, budget, breaker) beside plain aiohttp with the
same token, at a fixed rate. The callee is a FastAPI app over funchost that checks the token against the real identity.

A call's time runs from when it was due, so that a stall counts for every call that it delays.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import aiohttp

from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.processes import funchost_command, running
from bench.statistics import percentile
from chassis.errors import PlatformError
from chassis.runtime import Runtime
from chassis.settings import Settings
from local.layout import ROOT
from local.platform import Platform
from local.supervisor.probes import answering

PATH = "/metadata/bench"
CALLER = "workflow"
LIMIT_MS = 50
NO_TELEMETRY = {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}
"""Spans are made, but monitoring does not run here, and nobody would take them."""
Call = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start identity and the callee; the caller is this process."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        platform = Platform(ROOT, folder / "state", services=("identity",), free_ports=True, environment=NO_TELEMETRY)
        await stack.enter_async_context(platform)
        await stack.enter_async_context(_callee(platform, folder))
        runtime = Runtime(CALLER, _settings(platform))
        stack.push_async_callback(runtime.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        ours: Call = partial(runtime.services.ask, "metadata", "GET", PATH)
        plain: Call = partial(_plain, session, platform.urls["metadata"] + PATH, await runtime.token.get())
        if await ours() != await plain():
            raise BenchError("the sides get different answers")
        seconds = 1.0 if effort.quick else 5.0
        yield [_contest(rate, seconds, ours, plain) for rate in ((200,) if effort.quick else (200, 500))]


def _contest(rate: int, seconds: float, ours: Call, plain: Call) -> Contest:
    measure = partial(_at_rate, rate, seconds)
    sides = Side("chassis ServiceClient", partial(measure, ours)), Side("plain aiohttp", partial(measure, plain))
    return Contest(f"{rate} calls/s for {seconds:g} s, p99 (limit {LIMIT_MS} ms)", "ms", *sides, is_cost=True)


@asynccontextmanager
async def _callee(platform: Platform, folder: Path) -> AsyncIterator[None]:
    environment = {**platform.plan.service_environment("metadata"), "PYTHONPATH": str(ROOT)}
    command = funchost_command("service", platform.endpoints.ports["metadata"])
    probe = answering(f"{platform.urls['metadata']}/metadata/health/live")
    async with running("metadata", command, folder, ready=probe, environment=environment):
        yield


def _settings(platform: Platform) -> Settings:
    return Settings(
        service_urls=platform.urls,
        issuer=f"{platform.edge_url}/identity",
        keys_dir=platform.layout.keys,
        storage_connection=platform.storage_connection,
    )


async def _plain(session: aiohttp.ClientSession, url: str, token: str) -> Any:
    async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as response:
        response.raise_for_status()
        return await response.json()


async def _at_rate(rate: int, seconds: float, call: Call) -> Sample:
    taken_ms: list[float] = []
    failed = 0

    async def one(due_at: float) -> None:
        nonlocal failed
        await asyncio.sleep(max(0.0, due_at - perf_counter()))
        try:
            await call()
        except (PlatformError, aiohttp.ClientError, TimeoutError):
            failed += 1  # the callee can't keep up; told beside the figure
        taken_ms.append((perf_counter() - due_at) * 1000)

    gc.collect()
    begins_at = perf_counter() + 0.05
    await asyncio.gather(*(one(begins_at + number / rate) for number in range(int(rate * seconds))))
    return Sample(
        percentile(taken_ms, 0.99),
        {"p50 ms": percentile(taken_ms, 0.5), "max ms": max(taken_ms), "failed %": 100 * failed / len(taken_ms)},
    )
