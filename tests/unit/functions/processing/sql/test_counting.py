"""Quantiles of counted values are those of all values, and counting is left where values hardly repeat."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.processing.artefacts import to_parquet
from functions.processing.sql.planner import Plan, make_plan
from functions.processing.sql.running import run_map, run_query, run_reduce

FRACTIONS = ["0", "0.01", "0.1", "0.25", "0.333", "0.5", "0.75", "0.95", "0.999", "1"]
numbers = st.one_of(st.none(), st.integers(-3, 3))
floats = st.one_of(st.none(), st.floats(-1e9, 1e9), st.sampled_from([0.0, -0.0, float("inf")]))


def plan_of(query: str, table: pl.DataFrame) -> Plan:
    return make_plan(query, {"input": table})


def counted_result(plan: Plan, table: pl.DataFrame, size: int) -> pl.DataFrame:
    assert plan.counted is not None
    chunks = [table[at : at + size] for at in range(0, table.height, size)] or [table]
    parts = [run_query(plan.counted.map_sql, {"input": chunk}) for chunk in chunks]
    return run_reduce(plan, parts, {})


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(numbers, max_size=60),
    fraction=st.sampled_from(FRACTIONS),
    function=st.sampled_from(["quantile_cont", "quantile_disc"]),
)
def test_every_quantile_of_integers_is_the_engines_own(values: list[int | None], fraction: str, function: str) -> None:
    table = pl.DataFrame({"v": values}, schema={"v": pl.Int64})
    query = f"SELECT {function}(v, {fraction}) AS q, count(*) AS n FROM input"
    found, expected = counted_result(plan_of(query, table), table, 7), run_query(query, {"input": table})
    assert found.schema == expected.schema
    # The engine multiplies and adds in one rounding where the processor can (fma): the last digit may differ.
    assert found["q"].fill_null(99).item() == pytest.approx(expected["q"].fill_null(99).item(), rel=1e-14)
    assert found["n"].equals(expected["n"])


@settings(max_examples=60, deadline=None)
@given(values=st.lists(floats, max_size=30), fraction=st.sampled_from(FRACTIONS))
def test_discrete_quantiles_of_floating_numbers_are_the_engines_own(values: list[float | None], fraction: str) -> None:
    table = pl.DataFrame({"v": values}, schema={"v": pl.Float64})
    query = f"SELECT quantile_disc(v, {fraction}) AS q FROM input"
    found, expected = counted_result(plan_of(query, table), table, 7), run_query(query, {"input": table})
    assert found["q"].to_list() == expected["q"].to_list()


def test_parts_are_as_large_as_their_different_values_whatever_the_rows() -> None:
    query = "SELECT g, quantile_cont(v, 0.95) AS q, avg(v) AS m FROM input GROUP BY g"
    few, many = (
        pl.DataFrame({"g": [n % 3 for n in range(rows)], "v": [n % 50 for n in range(rows)]})
        for rows in (3_000, 90_000)
    )
    sizes = [len(to_parquet(run_map(plan_of(query, table), {"input": table}))) for table in (few, many)]
    assert sizes[1] < 1.2 * sizes[0]


def test_values_that_hardly_repeat_are_not_counted() -> None:
    table = pl.DataFrame({"v": [n * 0.37 for n in range(1000)]})
    plan = plan_of("SELECT median(v) AS q FROM input", table)
    assert run_map(plan, {"input": table}).equals(run_query(plan.map_sql, {"input": table}))


def test_chunks_that_count_meet_chunks_that_do_not() -> None:
    repeated, different = pl.DataFrame({"v": [1, 2] * 500}), pl.DataFrame({"v": list(range(1000))})
    query = "SELECT quantile_disc(v, 0.9) AS q, sum(v) AS s FROM input"
    plan, whole = plan_of(query, repeated), pl.concat([repeated, different])
    parts = [run_map(plan, {"input": chunk}) for chunk in (repeated, different)]
    assert parts[0].schema != parts[1].schema
    assert run_reduce(plan, parts, {}).rows() == [(run_query(query, {"input": whole})["q"][0], 501_000)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT median(d) AS q FROM input",  # the engine interpolates between dates in a way of its own
        "SELECT quantile_cont(v, -0.5) AS q FROM input",  # from the other end
        "SELECT quantile_cont(1, 0.5) AS q, count(v) AS n FROM input",
        "SELECT avg(v) AS m FROM input",
    ],
)
def test_what_is_not_counted_runs_as_before(query: str) -> None:
    table = pl.DataFrame(schema={"v": pl.Int64, "d": pl.Date})
    plan = plan_of(query, table)
    assert plan.distributed
    assert plan.counted is None


def test_aggregates_of_no_rows_are_what_they_are_to_the_engine() -> None:
    table = pl.DataFrame(schema={"v": pl.Int64, "flag": pl.Boolean})
    query = "SELECT median(v) AS q, count(*) AS n, count(v) AS c, count_if(flag) AS f, sum(v) AS s FROM input"
    assert counted_result(plan_of(query, table), table, 5).rows() == run_query(query, {"input": table}).rows()


def test_several_columns_are_counted_each_by_itself() -> None:
    table = pl.DataFrame({"a": [n % 7 for n in range(900)], "b": [n % 11 for n in range(900)]})
    query = "SELECT median(a) AS x, quantile_cont(b, [0.1, 0.9]) AS y, stddev(a) AS s FROM input"
    found, expected = counted_result(plan_of(query, table), table, 100), run_query(query, {"input": table})
    assert found.select("x", "y").equals(expected.select("x", "y"))
