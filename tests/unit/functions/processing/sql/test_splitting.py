"""Queries that are computed in parts, one chunk at a time."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.functions.processing.sql.parts import NAMES, assert_same, tables

aggregates = st.sampled_from(
    [
        "count(*)",
        "count(i)",
        "count(DISTINCT i)",
        "count(DISTINCT x) FILTER (WHERE flag)",
        "sum(i)",
        "sum(x)",
        "sum(h) + count(*)",
        "avg(i)",
        "avg(x)",
        "min(i)",
        "max(x)",
        "min(g)",
        "median(h)",
        "quantile_disc(i, 0.75)",
        "quantile_cont(i, 0.5) FILTER (WHERE flag)",
        "quantile_cont(h, 0.25)",
        "quantile_cont(x, 0.95)",
        "quantile_cont(h, [0.25, 0.5])",
        "quantile_disc(h, 0.3)",
        "percentile_cont(0.9) WITHIN GROUP (ORDER BY x)",
        "count(*) FILTER (WHERE i IS NULL)",
        "sum(h) FILTER (WHERE flag OR i > 0)",
        "avg(CASE WHEN i > 0 THEN x ELSE 0 END)",
        "round(avg(h) * 100 / (1 + count(i)), 6)",
        "bool_and(flag)",
        "bool_or(flag)",
        "count_if(flag)",
        "stddev(h)",
        "stddev_pop(h) FILTER (WHERE flag)",
        "var_samp(h + 1000)",
        "var_pop(h) + variance(h)",
        "coalesce(max(h), -1)",
        "median(x) FILTER (WHERE flag)",
    ]
)
groups = st.sampled_from(["g", "h", "upper(g)", "h % 2", "flag", "coalesce(g, '-')"])
conditions = st.sampled_from(["i > 0", "g IN ('a', 'b')", "x IS NOT NULL", "NOT flag", "h = 1 OR g = 'c'"])


@st.composite
def aggregations(draw: st.DrawFn) -> str:
    keys = draw(st.lists(groups, max_size=2, unique=True))
    values = draw(st.lists(aggregates, min_size=1, max_size=4, unique=True))
    columns = [f"{key} AS k{n}" for n, key in enumerate(keys)] + [f"{value} AS v{n}" for n, value in enumerate(values)]
    query = f"SELECT {', '.join(columns)} FROM input"
    if draw(st.booleans()):
        query += f" WHERE {draw(conditions)}"
    if keys:
        how = [", ".join(keys), ", ".join(f"k{n}" for n in range(len(keys))), "ALL"]
        how += [", ".join(str(n + 1) for n in range(len(keys)))]
        query += f" GROUP BY {draw(st.sampled_from(how))}"
    if draw(st.booleans()):
        query += draw(st.sampled_from([" HAVING count(*) > 1", " HAVING v0 IS NOT NULL", " HAVING max(h) > 1"]))
    if keys and draw(st.booleans()):
        descending = draw(st.sampled_from(["", " DESC", " NULLS FIRST"]))
        query += " ORDER BY " + ", ".join(f"k{n}{descending}" for n in range(len(keys)))
        query += draw(st.sampled_from(["", " LIMIT 2", " LIMIT 3 OFFSET 1"]))
    return query


@st.composite
def selections(draw: st.DrawFn) -> str:
    columns = draw(
        st.lists(st.sampled_from(["g", "h", "i", "h + 1", "upper(g)", "x * 2", "flag"]), min_size=1, max_size=3)
    )
    query = "SELECT " + draw(st.sampled_from(["", "DISTINCT "]))
    query += ", ".join(f"{column} AS c{n}" for n, column in enumerate(columns)) + " FROM input"
    if draw(st.booleans()):
        query += f" WHERE {draw(conditions)}"
    if draw(st.booleans()):
        query += " ORDER BY " + ", ".join(f"c{n} DESC" for n in range(len(columns)))
        query += draw(st.sampled_from(["", " LIMIT 2", " LIMIT 2 OFFSET 3"]))
    return query


@settings(max_examples=30, deadline=None)
@given(query=aggregations(), table=tables, size=st.integers(4, 9))
def test_aggregations_over_chunks_equal_those_over_the_whole_table(query: str, table: pl.DataFrame, size: int) -> None:
    plan = assert_same(query, table, size)
    assert plan.distributed, plan.reason


@settings(max_examples=15, deadline=None)
@given(query=selections(), table=tables, size=st.integers(4, 9))
def test_selections_over_chunks_equal_those_over_the_whole_table(query: str, table: pl.DataFrame, size: int) -> None:
    plan = assert_same(query, table, size)
    assert plan.distributed, plan.reason


JOINS = [
    "SELECT g, label, count(*) AS n FROM input JOIN names USING (g) GROUP BY g, label",
    "SELECT n.label, sum(i.h) AS s FROM input AS i LEFT JOIN names AS n ON n.key = i.g GROUP BY n.label",
    "SELECT names.label AS label, avg(x) AS m FROM input, names WHERE input.g = names.key GROUP BY ALL",
    "SELECT count(*) AS n FROM input SEMI JOIN names USING (g)",
    "SELECT h, label FROM input JOIN names USING (g) WHERE h > 1",
]


@settings(max_examples=10, deadline=None)
@given(query=st.sampled_from(JOINS), table=tables, size=st.integers(4, 9))
def test_joins_to_reference_data_are_made_in_every_chunk(query: str, table: pl.DataFrame, size: int) -> None:
    plan = assert_same(query, table, size, {"names": NAMES})
    assert plan.distributed, plan.reason
