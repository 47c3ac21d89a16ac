"""A batch job as its owner sees it, and the same query by DuckDB alone: what the bench of jobs puts side by side."""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import orjson
import psutil
from azure.storage.blob.aio import BlobClient

from bench.contest import BenchError
from bench.flights import QUERY
from local.platform import Platform

MIB = 1024 * 1024
PATIENCE_S = 900.0

ALONE = """
import sys, time, duckdb, orjson, psutil
path, airlines, query, url = sys.argv[1:]
psutil.Process().cpu_affinity([0])
began = time.perf_counter()
if url:
    from azure.storage.blob import BlobClient
    with BlobClient.from_blob_url(url, max_chunk_get_size=64 << 20, connection_data_block_size=1 << 20) as blob:
        with open(path, "wb") as file:
            blob.download_blob().readinto(file)
with duckdb.connect(config={"threads": "1"}) as connection:
    connection.execute("SET enable_progress_bar = false")
    reader = "read_parquet(?)" if path.endswith(".parquet") else "read_csv(?, nullstr=['NA', ''])"
    connection.execute(f"CREATE VIEW input AS SELECT * FROM {reader.replace('?', repr(path))}")
    connection.execute(f"CREATE VIEW airlines AS SELECT * FROM read_csv('{airlines}')")
    rows = connection.sql(query).fetchall()
seconds = time.perf_counter() - began
sys.stdout.buffer.write(orjson.dumps({"seconds": seconds, "rows": rows}))
"""


@dataclass(frozen=True)
class Stored:
    """A dataset: its file on the local disk, its id, its rows, and an address that gives its bytes."""

    file: Path
    id: str
    rows: int
    url: str


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
        request = {"name": file.name, "format": file.suffix[1:]}
        created = (await self.ask("POST", "/processing/datasets", json=request)).json()
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
            await asyncio.sleep(0.05 if perf_counter() - began < 2 else 0.25)
        seconds = perf_counter() - began
        if found["status"] != "completed":
            raise BenchError(f"the job is {found['status']}: {found['error']}")
        rows: list[dict[str, Any]] = (await self.ask("GET", f"{path}/result")).json()
        await self.ask("DELETE", path)
        return seconds, rows


async def by_duckdb(file: Path, airlines: Path, url: str = "") -> dict[str, Any]:
    """Seconds and rows of the query on one thread of the first core; with `url` the file is fetched first."""
    command = [sys.executable, "-c", ALONE, str(file), str(airlines), QUERY.read_text(), url]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    if process.returncode != 0:
        raise BenchError(f"DuckDB alone failed: {err.decode()[-500:]}")
    found: dict[str, Any] = orjson.loads(out)
    return found


def require_equal(ours: Sequence[dict[str, Any]], theirs: Sequence[Sequence[Any]]) -> None:
    """The same rows in the same order, floating numbers to nine digits."""
    rounded = [[_rounded(value) for value in row.values()] for row in ours]
    if rounded != [[_rounded(value) for value in row] for row in theirs]:
        raise BenchError("the sides give different results")


def _rounded(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, int | float) else value


def forget_peak(process: psutil.Process) -> None:
    """Let the process's peak of memory begin anew (proc(5), clear_refs)."""
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def peak_mib(process: psutil.Process) -> float:
    """The most memory that it has held since (VmHWM)."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def end_quietly() -> None:
    """For `atexit`: DuckDB's binding lists its own objects on stderr when the interpreter ends."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
