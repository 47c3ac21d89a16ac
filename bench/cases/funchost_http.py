"""A hello-world function on funchost beside uvicorn that serves the same bytes; one process each, one core each."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench.contest import BenchError, Contest, Effort, Side
from bench.load import client_name, load
from bench.processes import funchost_command, running
from local import ports
from local.supervisor.probes import answering

CONNECTIONS = 32


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start both servers, see that they answer the same."""
    own_port, bare_port = ports.any_free(2)
    own, bare = f"http://127.0.0.1:{own_port}/api/hello", f"http://127.0.0.1:{bare_port}/api/hello"
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        state = {"FUNCHOST_STATE_DIR": str(folder / "state")}
        host = running("funchost", funchost_command("hello", own_port), folder, ready=answering(own), environment=state)
        async with host, running("uvicorn", _bare_command(bare_port), folder, ready=answering(bare)):
            await _require_same_answer(own, bare)
            yield [
                Contest(
                    f"hello, {CONNECTIONS} connections, {client_name()}",
                    "requests/s",
                    Side("funchost", partial(load, own, effort.seconds, connections=CONNECTIONS)),
                    Side("uvicorn, bare ASGI", partial(load, bare, effort.seconds, connections=CONNECTIONS)),
                    goal=0.5,
                )
            ]


def _bare_command(port: int) -> tuple[str, ...]:
    options = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
    return (
        sys.executable,
        "-m",
        "uvicorn",
        "bench.apps.bare_asgi:app",
        "--port",
        str(port),
        "--lifespan",
        "off",
        *options,
    )


async def _require_same_answer(own: str, bare: str) -> None:
    async with httpx.AsyncClient() as client:
        one, other = await client.get(own), await client.get(bare)
    same = ("content-type", "content-length")
    if one.content != other.content or any(one.headers[name] != other.headers[name] for name in same):
        raise BenchError(f"the sides answer differently: {dict(one.headers)} and {dict(other.headers)}")
