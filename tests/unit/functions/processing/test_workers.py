"""What a worker sets aside, and which errors it tries again."""

import orjson
import polars as pl
import pytest

from chassis.errors import DependencyUnavailable, PlatformError, RemoteError
from durable.jobs.models import Standing
from functions.processing.checking import Fault
from functions.processing.errors import QueryFailed
from functions.processing.parsing.conversion import Kind, convert
from functions.processing.schemas import Chunk, ChunkReport, WorkPlan
from functions.processing.workers import is_for_good, set_aside, standing_of

PLAN = WorkPlan(
    dataset="d",
    null_values=("",),
    kinds={"i": "integer"},
    total_bytes=10,
    chunks=tuple(Chunk(index=n, first_row=1 + n, rows=1) for n in range(3)),
)


def test_invalid_records_go_to_quarantine_with_row_field_reason_and_the_record_as_written() -> None:
    chunk = convert(pl.DataFrame({"i": ["1", "abc", "3"], "s": ["x", "NA", None]}), {"i": Kind.INTEGER})
    found = [Fault(1, "/i", "not an integer"), Fault(1, "/s", "too short")]
    valid, quarantine = set_aside(chunk, found, first_row=100)
    assert valid.rows() == [(1, "x"), (3, None)]
    assert quarantine.select("row", "field", "reason").rows() == [
        (101, "/i", "not an integer"),
        (101, "/s", "too short"),
    ]
    assert [orjson.loads(record) for record in quarantine["record"]] == [{"i": "abc", "s": "NA"}] * 2


def test_a_chunk_without_faults_has_no_quarantine() -> None:
    chunk = convert(pl.DataFrame({"i": ["1"]}), {"i": Kind.INTEGER})
    assert set_aside(chunk, [], first_row=1)[1].height == 0


@pytest.mark.parametrize(
    ("error", "for_good"),
    [
        (QueryFailed("no such column"), True),
        (DependencyUnavailable("metadata is away"), False),
        (RemoteError("metadata", 404, {}), True),
        (RemoteError("metadata", 403, {}), True),
        (RemoteError("metadata", 401, {}), False),
        (RemoteError("metadata", 429, {}), False),
        (RemoteError("metadata", 500, {}), False),
        (RemoteError("metadata", 503, {}), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: PlatformError, for_good: bool) -> None:
    assert is_for_good(error) is for_good


def test_the_first_chunks_problem_is_the_works() -> None:
    reports = {2: ChunkReport(problem={"title": "second"}), 1: ChunkReport(problem={"title": "first"})}
    assert standing_of(PLAN, reports) == Standing(done=2, total=3, problem={"title": "first"})


def test_work_is_complete_when_every_chunk_has_its_report() -> None:
    assert not standing_of(PLAN, {0: ChunkReport(), 1: ChunkReport()}).complete
    assert standing_of(PLAN, {n: ChunkReport() for n in range(3)}).complete
