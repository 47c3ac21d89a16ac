"""A tenant at three times its limit at the edge, and another within its own: what the other waits with that flood and
without it, and how long the flood's refused requests take beside the limit of 5 ms.

Both ask at a fixed rate from this process; a request's time runs from when it is sent, so it holds this client's own.
"""

import asyncio
import gc
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Protocol

import aiohttp

from bench.cases.edge import PATH, manifests, signed_tokens
from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.envoys import upstream_command
from bench.processes import running
from bench.statistics import percentile
from local.layout import ROOT
from local.platform import Platform
from local.supervisor.probes import answering

LIMIT = 100
"""Requests a second of a tenant, and of its one client."""
FLOOD, QUIET = 3 * LIMIT, LIMIT // 2
REFUSED_LIMIT_MS = 5.0
MANIFEST = f"""
service: metadata
layer: platform
routes: [{{path: "{PATH}", methods: [GET], scope: metadata.read}}]
rateLimit: {{requestsPerSecond: {LIMIT}, burst: {LIMIT}, clientShare: 1}}
"""
Times = dict[int, list[float]]
"""Milliseconds by status."""


class Both(Protocol):
    """Ask as both tenants, or with `flooded` false as the quiet one alone; gives the quiet one's and the flood's."""

    async def __call__(self, *, flooded: bool) -> tuple[Times, Times]: ...


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start edge, gateway, identity and the upstream."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        environment = {"PLATFORM_MANIFESTS_DIR": str(manifests(folder / "manifests", MANIFEST))}
        services = ("gateway", "identity")
        platform = Platform(ROOT, folder / "state", environment=environment, services=services, free_ports=True)
        await stack.enter_async_context(platform)
        taken = platform.endpoints.ports
        upstream = upstream_command(folder / "upstream.json", [taken["metadata"], taken["monitoring"]])
        ready = answering(f"{platform.urls['metadata']}/")
        await stack.enter_async_context(running("upstream", upstream, folder, ready=ready))
        noisy, quiet = signed_tokens(folder, platform, 2).read_text().split()
        session = await stack.enter_async_context(aiohttp.ClientSession(platform.edge_url))
        both = partial(_both, session, noisy, quiet, 2.0 if effort.quick else 5.0)
        yield [
            Contest(
                f"{QUIET}/s of a tenant within its limit, p99",
                "ms",
                Side("beside another at three times its limit", partial(_admitted, both, flooded=True)),
                Side("alone", partial(_admitted, both, flooded=False)),
                is_cost=True,
            ),
            Contest(
                f"refused at {FLOOD}/s where {LIMIT}/s are allowed, p99",
                "ms",
                Side("refused", partial(_refused, both)),
                Side("the limit", _limit),
                goal=1.0,
                is_cost=True,
            ),
        ]


async def _admitted(both: Both, *, flooded: bool) -> Sample:
    quiet, _ = await both(flooded=flooded)
    if set(quiet) != {200}:
        raise BenchError(f"a tenant within its limit was answered {sorted(quiet)}")
    return Sample(percentile(quiet[200], 0.99), {"p50 ms": percentile(quiet[200], 0.5)})


async def _refused(both: Both) -> Sample:
    _, flood = await both(flooded=True)
    if set(flood) != {200, 429}:
        raise BenchError(f"a tenant over its limit was answered {sorted(flood)}")
    share = 100 * len(flood[429]) / sum(map(len, flood.values()))
    return Sample(percentile(flood[429], 0.99), {"p50 ms": percentile(flood[429], 0.5), "refused %": share})


async def _limit() -> Sample:
    return Sample(REFUSED_LIMIT_MS)


async def _both(
    session: aiohttp.ClientSession, noisy: str, quiet: str, seconds: float, *, flooded: bool
) -> tuple[Times, Times]:
    gc.collect()
    flood = at_rate(session, noisy, FLOOD if flooded else 0, seconds)
    seen, flooding = await asyncio.gather(at_rate(session, quiet, QUIET, seconds), flood)
    return seen, flooding


async def at_rate(session: aiohttp.ClientSession, token: str, rate: int, seconds: float, path: str = PATH) -> Times:
    """Ask at a fixed rate, each request when it is due."""
    times: Times = defaultdict(list)

    async def one(due_at: float) -> None:
        await asyncio.sleep(max(0.0, due_at - perf_counter()))
        began = perf_counter()
        async with session.get(path, headers={"Authorization": f"Bearer {token}"}) as answer:
            await answer.read()
        times[answer.status].append((perf_counter() - began) * 1000)

    begins_at = perf_counter() + 0.05
    await asyncio.gather(*(one(begins_at + number / rate) for number in range(int(rate * seconds))))
    return dict(times)
