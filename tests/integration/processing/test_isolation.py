"""A query that makes values of any size fails alone: within its time, in a process of its own."""

import polars as pl
import pytest

from functions.processing.errors import QueryFailed
from functions.processing.sql.engine import Limits
from functions.processing.sql.isolation import run_apart
from functions.processing.sql.planner import plan_query
from functions.processing.sql.running import run_query

TABLE = pl.DataFrame({"x": [1, 2, 3], "s": ["a", "b", None]})


def test_a_constant_of_gigabytes_fails_and_is_not_computed_even_in_planning() -> None:
    plan = plan_query("SELECT length(repeat('x', 4000000000)) AS n FROM input", {"input": TABLE})
    with pytest.raises(QueryFailed, match=r"Memory|memory"):
        run_query(plan.map_sql, {"input": TABLE}, apart=plan.apart)


def test_a_call_that_is_not_interrupted_ends_with_its_process() -> None:
    rows = pl.DataFrame({"s": ["a"] * 2000})
    query = "SELECT sum(length(repeat(s, 20000000))) AS n FROM input"
    with pytest.raises(QueryFailed, match=r"Memory|memory|longer"):
        run_apart(run_query, query, {"input": rows}, limits=Limits(memory_mib=256, time_s=2))


def test_a_harmless_one_gives_the_same_as_within_the_process() -> None:
    query = "SELECT s || x AS v FROM input ORDER BY x"
    plan = plan_query(query, {"input": TABLE})
    assert plan.apart
    found = run_query(plan.map_sql, {"input": TABLE}, apart=True)
    assert found.equals(run_query(plan.map_sql, {"input": TABLE}))
