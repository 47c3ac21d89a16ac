"""A query can't leave its sandbox, nor use more than its share."""

import polars as pl
import pytest

from functions.processing.errors import QueryFailed
from functions.processing.sql.engine import Limits, Sandbox, narrowed

outside = pl.DataFrame({"secret": [1]})


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO '/tmp/leak.csv'",
        "ATTACH '/tmp/leak.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '99GB'",
        "SELECT * FROM outside",
    ],
)
def test_files_settings_and_python_objects_are_out_of_reach(query: str) -> None:
    with Sandbox({"input": pl.DataFrame({"a": [1]})}) as sandbox, pytest.raises(QueryFailed):
        sandbox.run(query)


def test_a_query_that_runs_too_long_is_interrupted() -> None:
    forever = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1"
    with Sandbox({}, Limits(time_s=0.2)) as sandbox, pytest.raises(QueryFailed, match=r"longer than 0\.2 s"):
        sandbox.run(forever)


def test_a_query_that_needs_too_much_memory_fails_alone() -> None:
    with Sandbox({}, Limits(memory_mib=32)) as sandbox:
        with pytest.raises(QueryFailed, match=r"(?i)memory"):
            sandbox.run("SELECT list(range) FROM range(100000000)")
        assert sandbox.run("SELECT 1 AS one").item() == 1


def test_whole_wide_numbers_become_narrow_ones_only_when_all_fit() -> None:
    with Sandbox({}) as sandbox:
        small = narrowed(sandbox.run("SELECT sum(range) AS s FROM range(5)"))
        large = narrowed(sandbox.run("SELECT 99999999999999999999::HUGEINT AS s"))
        none = narrowed(sandbox.run("SELECT sum(range) AS s FROM range(0)"))
    assert (small.schema["s"], small.item()) == (pl.Int64, 10)
    assert (large.schema["s"], int(large.item())) == (pl.Decimal(38, 0), 99999999999999999999)
    assert (none.schema["s"], none.item()) == (pl.Int64, None)
