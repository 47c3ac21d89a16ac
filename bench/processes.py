"""Processes of a bench: started on the loopback, waited for, and gone when the bench is, however it ends."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from bench.contest import BenchError
from local.layout import ROOT
from local.supervisor.child import Child, Spec
from local.supervisor.probes import Probe

APPS = Path(__file__).resolve().parent / "apps"
START_S = 30.0
GRACE_S = 5.0


@asynccontextmanager
async def running(
    name: str, command: tuple[str, ...], folder: Path, *, ready: Probe, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """A process that is ready; its log is `folder/<name>.log`. Raises BenchError with the log's end."""
    env = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
    child = await Child.start(Spec(name, command, ready, env, cwd=ROOT, stop_grace_s=GRACE_S), folder)
    try:
        await _until_ready(child)
        yield child
    finally:
        await child.stop()


def funchost_command(app: str, port: int = 0) -> tuple[str, ...]:
    """The command line of a Functions host with one of the bench's apps."""
    return (sys.executable, "-m", "funchost", "start", "--app", str(APPS / app), "--port", str(port), "--grace", "2")


async def report_of(child: Child, file: Path, timeout_s: float) -> dict[str, float]:
    """What a process wrote to its report file when its work was done. Raises BenchError when it never does."""
    ends_at = asyncio.get_running_loop().time() + timeout_s
    while not file.exists():  # noqa: ASYNC240 - a stat on the local disk
        if child.exit_code is not None or asyncio.get_running_loop().time() > ends_at:
            raise BenchError(f"{child.spec.name} did not finish its work:\n{_end_of(child.log)}")
        await asyncio.sleep(0.02)
    report: dict[str, float] = orjson.loads(file.read_bytes())  # noqa: ASYNC240
    return report


async def _until_ready(child: Child) -> None:
    ends_at = asyncio.get_running_loop().time() + START_S
    while not await child.spec.ready():
        if child.exit_code is not None or asyncio.get_running_loop().time() > ends_at:
            raise BenchError(f"{child.spec.name} did not start:\n{_end_of(child.log)}")
        await asyncio.sleep(0.05)


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]
