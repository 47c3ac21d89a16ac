"""The flights job on one node, without network: our map over each Parquet chunk and our reduce, as workers run them,
beside DuckDB on one thread over the same Parquet files."""

import atexit
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, cast

import duckdb
import polars as pl

from bench.cases.job_stores import ORDER, MemoryContainer, MemoryWork, no_progress, running
from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.flights import QUERY, airlines_table, typed_flights
from bench.jobs import end_quietly
from chassis.storage.blobs import Container
from functions.processing.artefacts import RESULT, Artefacts, reference, to_parquet
from functions.processing.datasets import Datasets
from functions.processing.metadata import Metadata
from functions.processing.progress import ProgressMeter
from functions.processing.reduction import Reducer
from functions.processing.repository import WorkRepository
from functions.processing.schemas import Chunk, WorkPlan
from functions.processing.sql.guard import INPUT
from functions.processing.sql.planner import make_plan
from functions.processing.workers import Workers

CHUNKS = 17
"""As many as the planner cuts the flights' 33 MB of CSV into."""
AIRLINES = "airlines"
TOLERANCE = 1e-9


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Write the chunks once; the larger job reads them several times over."""
    atexit.register(end_quietly)
    flights = typed_flights()
    rows = -(-flights.height // CHUNKS)
    with TemporaryDirectory(prefix="bench-") as name:
        files = [Path(name) / f"{number:03d}.parquet" for number in range(CHUNKS)]
        for number, file in enumerate(files):
            file.write_bytes(to_parquet(flights[number * rows : (number + 1) * rows]))
        airlines = Path(name) / "airlines.parquet"
        airlines.write_bytes(to_parquet(airlines_table()))
        yield [await _contest(flights, files, airlines, copies) for copies in ((1,) if effort.quick else (1, 10))]


async def _contest(flights: pl.DataFrame, files: Sequence[Path], airlines: Path, copies: int) -> Contest:
    total = flights.height * copies
    container = MemoryContainer()
    for file in files:
        container.blobs[file.name] = file.read_bytes()
    artefacts = Artefacts(cast(Container, container))
    await artefacts.put_frame(ORDER, reference(AIRLINES), airlines_table())
    plan = _plan(flights, [file.name for file in files] * copies)
    await artefacts.put_plan(ORDER, plan)
    job, alone = partial(_job, artefacts, plan), partial(_alone, list(map(str, files)) * copies, airlines)
    _require_equal(await job(), alone())

    async def ours() -> Sample:
        began = perf_counter()
        await job()
        return Sample(total / (perf_counter() - began))

    async def peer() -> Sample:
        began = perf_counter()
        alone()
        return Sample(total / (perf_counter() - began))

    name = f"{total:,} flights, {CHUNKS * copies} chunks"
    return Contest(
        name, "rows/s", Side("map and reduce, one node", ours), Side("DuckDB, one thread", peer), goal=1 / 1.3
    )


async def _job(artefacts: Artefacts, plan: WorkPlan) -> pl.DataFrame:
    """Every chunk, one after the other, by the worker's own code, then the reduce step."""
    work = cast(WorkRepository, MemoryWork())
    # A job over validated rows neither reads a dataset nor asks metadata.
    workers = Workers(work, artefacts, cast(Datasets, None), cast(Metadata, None), ProgressMeter(no_progress))
    for chunk in plan.chunks:
        await workers.do(ORDER, chunk.index)
    await artefacts.drop(ORDER, RESULT)
    await Reducer(work, artefacts).job(running(), plan)
    return await artefacts.frame(artefacts.address(ORDER, RESULT))


def _plan(flights: pl.DataFrame, blobs: Sequence[str]) -> WorkPlan:
    query = make_plan(QUERY.read_text(), {INPUT: flights, AIRLINES: airlines_table()})
    if not query.distributed:
        raise BenchError(f"the query is not distributed: {query.reason}")
    chunks = (Chunk(index=index, first_row=1, rows=1, blob=blob) for index, blob in enumerate(blobs))
    return WorkPlan(
        dataset="flights",
        null_values=("NA",),
        kinds={},
        total_bytes=0,
        chunks=tuple(chunks),
        query=query.model_dump(mode="json"),
        tables=(AIRLINES,),
    )


def _alone(files: list[str], airlines: Path) -> pl.DataFrame:
    with duckdb.connect(config={"threads": "1"}) as connection:
        connection.execute(f"CREATE VIEW {INPUT} AS SELECT * FROM read_parquet({files})")
        connection.execute(f"CREATE VIEW {AIRLINES} AS SELECT * FROM read_parquet('{airlines}')")
        result: Any = connection.sql(QUERY.read_text()).materialize()
        return pl.DataFrame(result)


def _require_equal(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    for name in theirs.columns:
        if theirs[name].dtype == pl.String or not ours[name].dtype.is_float():
            same = ours[name].cast(theirs[name].dtype).equals(theirs[name])
        else:
            same = ((ours[name] - theirs[name]).abs() <= TOLERANCE * theirs[name].abs().clip(1)).all()
        if not same:
            raise BenchError(f"the sides give other values in {name}")
