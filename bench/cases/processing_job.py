"""A batch job as its owner sees it: a CSV file in blob storage, one SELECT, from the request to the completed result,
by one processing node on one core (Azurite, edge and identity on the other), and by two, one on each.

Beside DuckDB alone on one thread of the first core, over the same file on the local disk; and beside DuckDB that has
the file where ours has it: fetched from the blob by the bare SDK first, then queried.
"""

import asyncio
import atexit
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import polars as pl
import psutil

from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.flights import airlines_table
from bench.jobs import Api, Stored, by_duckdb, end_quietly, forget_peak, peak_mib, require_equal
from chassis.storage.blobs import Blobs
from local.demo.data import flights_csv
from local.layout import ROOT
from local.platform import Platform

SERVICES = ("gateway", "identity", "processing")
ENVIRONMENT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "POLARS_MAX_THREADS": "1"}
FIRST, SECOND = [0], [1]
GOAL = 1 / 1.3
LARGE_ROUNDS = 3


@dataclass
class Sides:
    """What the sides share; `expected` is DuckDB's result over each file."""

    platform: Platform
    api: Api
    node: psutil.Process
    airlines: Path
    joined: str
    expected: dict[Path, list[list[Any]]]

    async def by_node(self, stored: Stored) -> Sample:
        """One job by the nodes that there are."""
        forget_peak(self.node)
        seconds, result = await self.api.job(stored.id, self.joined)
        require_equal(result, self.expected[stored.file])
        return Sample(stored.rows / seconds, {"node's peak MiB": peak_mib(self.node), "seconds": seconds})

    async def by_two(self, stored: Stored) -> Sample:
        """One job by the node and a second one on the other core."""
        state = str(self.platform.layout.state_dir)
        command = [sys.executable, "-m", "local", "--state-dir", state, "replica", "processing"]
        replica = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            _on(psutil.Process(replica.pid), SECOND)
            await asyncio.sleep(3)  # until it listens; a job that began before would count its start
            return await self.by_node(stored)
        finally:
            replica.terminate()
            await replica.wait()

    async def alone(self, stored: Stored) -> Sample:
        """DuckDB over the file on the local disk."""
        found = await by_duckdb(stored.file, self.airlines)
        return Sample(stored.rows / float(found["seconds"]))

    async def fetched(self, stored: Stored) -> Sample:
        """DuckDB over the file after it has been fetched."""
        file = stored.file.with_name(f"fetched-{stored.file.name}")
        try:
            found = await by_duckdb(file, self.airlines, stored.url)
        finally:
            file.unlink(missing_ok=True)
        return Sample(stored.rows / float(found["seconds"]))


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start the platform and upload the files: the flights, and the flights many times over."""
    atexit.register(end_quietly)
    if len(psutil.Process().cpu_affinity() or ()) < 2:  # a node and the rest need a core each
        raise BenchError("this bench needs two cores")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        platform = Platform(ROOT, folder / "state", services=SERVICES, free_ports=True, environment=ENVIRONMENT)
        await stack.enter_async_context(platform)
        api = Api(platform, await stack.enter_async_context(httpx.AsyncClient(timeout=60)))
        airlines = folder / "airlines.csv"
        airlines.write_bytes(airlines_table().write_csv().encode())
        sides = Sides(platform, api, _pin(platform), airlines, await api.dataset(airlines), {})
        found: list[Contest] = []
        for copies in (1, 10 if effort.quick else 100):
            stored = await _stored(sides, folder / f"flights-{copies}.csv", copies)
            found += _contests(sides, stored, min(LARGE_ROUNDS, effort.rounds) if copies > 10 else None)
        yield found


def _contests(sides: Sides, stored: Stored, rounds: int | None) -> list[Contest]:
    name = f"{stored.rows:,} flights"
    one = Side("one node", partial(sides.by_node, stored))
    two = Side("two nodes", partial(sides.by_two, stored))
    alone = Side("DuckDB, one thread, local file", partial(sides.alone, stored))
    fetched = Side("DuckDB, after a bare download", partial(sides.fetched, stored))
    return [
        Contest(f"{name}, from request to result", "rows/s", one, alone, goal=GOAL, rounds=rounds),
        Contest(f"{name}, from request to result, both from blob storage", "rows/s", one, fetched, rounds=rounds),
        Contest(f"{name}, two nodes on both cores", "rows/s", two, one, rounds=rounds),
    ]


async def _stored(sides: Sides, file: Path, copies: int) -> Stored:
    rows = _repeated(file, copies)
    sides.expected[file] = (await by_duckdb(file, sides.airlines))["rows"]
    id = await sides.api.dataset(file)
    return Stored(file, id, rows, await _address(sides.platform.storage_connection, id))


async def _address(connection: str, id: str) -> str:
    """An address that gives the dataset's blob, as long as the bench runs."""
    blobs = Blobs(connection)
    try:
        container = blobs.container("processing-datasets")
        (name,) = [blob async for blob in container.list() if blob.endswith(id)]
        return await container.download_url(name, timedelta(hours=2))
    finally:
        await blobs.close()


def _repeated(file: Path, copies: int) -> int:
    """Write the flights so many times over; gives the rows."""
    header, _, records = flights_csv().partition(b"\n")
    with file.open("wb") as out:
        out.write(header + b"\n")
        for _ in range(copies):
            out.write(records)
    return pl.read_csv(records, has_header=False, columns=[0]).height * copies


def _pin(platform: Platform) -> psutil.Process:
    """The node on the first core, everything else on the second; gives the node."""
    node = psutil.Process(platform.processes["processing"])
    for process in psutil.Process().children(recursive=True):
        _on(process, FIRST if process.pid == node.pid else SECOND)
    return node


def _on(process: psutil.Process, core: list[int]) -> None:
    """Affinity is a thread's own: all of them, and what they start inherits it."""
    for thread in process.threads():
        os.sched_setaffinity(thread.id, core)
