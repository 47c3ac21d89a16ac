"""A batch job as its owner sees it: a CSV file in blob storage, one SELECT, from the request to the completed result,
by one processing node on one core (Azurite, edge and identity on the other), and by two, one on each. Beside DuckDB
alone on one thread of the first core, over the same file on the local disk.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import httpx
import orjson
import polars as pl
import psutil
from azure.storage.blob.aio import BlobClient

from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.flights import QUERY, airlines_table
from local.demo.data import flights_csv
from local.layout import ROOT
from local.platform import Platform

SERVICES = ("gateway", "identity", "processing")
ENVIRONMENT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "POLARS_MAX_THREADS": "1"}
FIRST, SECOND = [0], [1]
MIB = 1024 * 1024
PATIENCE_S = 900.0
GOAL = 1 / 1.3

ALONE = """
import sys, time, duckdb, orjson, psutil
path, airlines, query = sys.argv[1:]
psutil.Process().cpu_affinity([0])
began = time.perf_counter()
with duckdb.connect(config={"threads": "1"}) as connection:
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"CREATE VIEW input AS SELECT * FROM read_csv('{path}', nullstr=['NA', ''])")
    connection.execute(f"CREATE VIEW airlines AS SELECT * FROM read_csv('{airlines}')")
    rows = connection.sql(query).fetchall()
sys.stdout.buffer.write(orjson.dumps({"seconds": time.perf_counter() - began, "rows": rows}))
"""


class Api:
    """The processing API through the edge, for the demo client."""

    def __init__(self, platform: Platform, http: httpx.AsyncClient) -> None:
        self._platform, self._http = platform, http

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, with a token of its own when the last one is used up."""
        answer = await self._http.request(method, self._platform.edge_url + path, **options)
        if answer.status_code == 401:
            demo = self._platform.demo_client
            auth = (demo.id, demo.secret.get_secret_value())
            form = {"grant_type": "client_credentials"}
            token = await self._http.post(f"{self._platform.edge_url}/identity/oauth2/token", data=form, auth=auth)
            self._http.headers["authorization"] = f"Bearer {token.raise_for_status().json()['access_token']}"
            answer = await self._http.request(method, self._platform.edge_url + path, **options)
        return answer.raise_for_status()

    async def dataset(self, file: Path) -> str:
        """A dataset with the file's content, uploaded in blocks."""
        created = (await self.ask("POST", "/processing/datasets", json={"name": file.name})).json()
        async with BlobClient.from_blob_url(created["uploadUrl"], max_block_size=8 * MIB) as blob:
            with file.open("rb") as content:
                await blob.upload_blob(content, max_concurrency=2)
        return str(created["id"])

    async def job(self, dataset: str, airlines: str) -> tuple[float, list[dict[str, Any]]]:
        """Seconds from the request to the end, and the result. Raises BenchError when the job failed."""
        request = {"dataset": dataset, "datasets": {"airlines": airlines}, "query": QUERY.read_text()}
        began = perf_counter()
        path = f"/processing/jobs/{(await self.ask('POST', '/processing/jobs', json=request)).json()['id']}"
        while (found := (await self.ask("GET", path)).json())["status"] in {"pending", "running"}:
            if perf_counter() - began > PATIENCE_S:
                raise BenchError(f"the job did not end: {found['progress']}")
            await asyncio.sleep(0.05 if perf_counter() - began < 5 else 0.25)
        seconds = perf_counter() - began
        if found["status"] != "completed":
            raise BenchError(f"the job is {found['status']}: {found['error']}")
        rows: list[dict[str, Any]] = (await self.ask("GET", f"{path}/result")).json()
        await self.ask("DELETE", path)
        return seconds, rows


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start the platform and upload the files: the flights, and the flights many times over."""
    if len(psutil.Process().cpu_affinity() or ()) < 2:  # a node and the rest need a core each
        raise BenchError("this bench needs two cores")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        platform = Platform(ROOT, folder / "state", services=SERVICES, free_ports=True, environment=ENVIRONMENT)
        await stack.enter_async_context(platform)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        api = Api(platform, http)
        airlines = folder / "airlines.csv"
        airlines.write_bytes(airlines_table().write_csv().encode())
        joined = await api.dataset(airlines)
        node = _pin(platform)
        found: list[Contest] = []
        for copies in (1, 10 if effort.quick else 100):
            file = folder / f"flights-{copies}.csv"
            rows = _repeated(file, copies)
            found += _contests(api, await api.dataset(file), joined, file, airlines, rows, node)
        yield found


def _contests(
    api: Api, dataset: str, joined: str, file: Path, airlines: Path, rows: int, node: psutil.Process
) -> list[Contest]:
    alone = Side("DuckDB, one thread", partial(_alone, file, airlines, rows))
    one = Side("one node", partial(_by_node, api, dataset, joined, rows, node, file, airlines))
    two = Side("two nodes", partial(_by_two, api, dataset, joined, rows, node, file, airlines))
    return [
        Contest(f"{rows:,} flights, from request to result", "rows/s", one, alone, goal=GOAL),
        Contest(f"{rows:,} flights, two nodes on both cores", "rows/s", two, one),
    ]


async def _by_node(
    api: Api, dataset: str, joined: str, rows: int, node: psutil.Process, file: Path, airlines: Path
) -> Sample:
    seconds, result = await api.job(dataset, joined)
    _require_equal(result, (await _duckdb(file, airlines))["rows"] if rows < 1_000_000 else None)
    return Sample(rows / seconds, {"node's memory MiB": node.memory_info().rss / MIB, "seconds": seconds})


async def _by_two(
    api: Api, dataset: str, joined: str, rows: int, node: psutil.Process, file: Path, airlines: Path
) -> Sample:
    command = [
        sys.executable,
        "-m",
        "local",
        "--state-dir",
        str(api._platform.layout.state_dir),
        "replica",
        "processing",
    ]
    replica = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        _on(psutil.Process(replica.pid), SECOND)
        await asyncio.sleep(3)  # until it listens; a job that began before would count its start
        return await _by_node(api, dataset, joined, rows, node, file, airlines)
    finally:
        replica.terminate()
        await replica.wait()


async def _alone(file: Path, airlines: Path, rows: int) -> Sample:
    return Sample(rows / float((await _duckdb(file, airlines))["seconds"]))


async def _duckdb(file: Path, airlines: Path) -> dict[str, Any]:
    command = [sys.executable, "-c", ALONE, str(file), str(airlines), QUERY.read_text()]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    if process.returncode != 0:
        raise BenchError(f"DuckDB alone failed: {err.decode()[-500:]}")
    found: dict[str, Any] = orjson.loads(out)
    return found


def _require_equal(ours: list[dict[str, Any]], theirs: list[list[Any]] | None) -> None:
    """The same rows in the same order, floating numbers to nine digits."""
    if theirs is None:
        return
    rounded = [[_rounded(value) for value in row.values()] for row in ours]
    if rounded != [[_rounded(value) for value in row] for row in theirs]:
        raise BenchError("the sides give different results")


def _rounded(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, int | float) else value


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
