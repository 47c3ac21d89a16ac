"""From the command to the first answer: an app of one HTTP function, and one of one queue function (ready: it polls).

The peer of both is uvicorn with a bare ASGI app, which imports no Functions SDK and listens to nothing but HTTP.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx

from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.processes import funchost_command, running
from local import ports
from local.azurite import Azurite

GOAL_S = 2.0


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start Azurite, for the queue function."""
    with TemporaryDirectory(prefix="bench-") as name, Azurite() as azurite:
        folder = Path(name)
        settings = {
            "AzureWebJobsStorage": azurite.connection_string,
            "FUNCHOST_STATE_DIR": str(folder / "state"),
            "BENCH_QUEUE": "bench-start",
            "BENCH_COUNT": "1000",
            "BENCH_REPORT": str(folder / "report.json"),
        }
        peer = Side("uvicorn, bare ASGI", partial(_start, folder, {}, "/api/hello", _bare))
        yield [
            Contest(f"{app} app of one function ({GOAL_S:.0f} s are allowed)", "s to ready", ours, peer, is_cost=True)
            for app, ours in (
                ("hello", Side("funchost", partial(_start, folder, settings, "/api/hello", _funchost("hello")))),
                (
                    "queue",
                    Side("funchost", partial(_start, folder, settings, "/runtime/health/ready", _funchost("queue"))),
                ),
            )
        ]


async def _start(
    folder: Path, settings: dict[str, str], path: str, command: Callable[[int], tuple[str, ...]]
) -> Sample:
    """Seconds until the address answers 200."""
    (port,) = ports.any_free(1)
    began = perf_counter()
    ready_after: list[float] = []

    async def ready() -> bool:
        async with httpx.AsyncClient() as client:
            await _until_ok(partial(client.get, f"http://127.0.0.1:{port}{path}"))
        ready_after.append(perf_counter() - began)
        return True

    async with running("start", command(port), folder, ready=ready, environment=settings):
        return Sample(ready_after[0])


async def _until_ok(get: Callable[[], Awaitable[httpx.Response]]) -> None:
    for _ in range(3000):
        try:
            if (await get()).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.01)
    raise BenchError("it never became ready")


def _funchost(app: str) -> Callable[[int], tuple[str, ...]]:
    return lambda port: funchost_command(app, port)


def _bare(port: int) -> tuple[str, ...]:
    options = ("--loop", "uvloop", "--http", "httptools", "--log-level", "warning", "--lifespan", "off")
    return (sys.executable, "-m", "uvicorn", "bench.apps.bare_asgi:app", "--port", str(port), *options)
