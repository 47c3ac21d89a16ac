"""A planned query, run chunk by chunk, gives what the engine gives on the whole table."""

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.processing.errors import QueryFailed, QueryRefused
from functions.processing.sql.engine import Sandbox, narrowed
from functions.processing.sql.exchange import BUCKET
from functions.processing.sql.planner import Plan, make_plan
from functions.processing.sql.running import run_reduce

NAMES = pl.DataFrame({"key": ["a", "b", "c"], "g": ["a", "b", "c"], "label": ["Ay", "Bee", "Bee"]})
SCHEMA = {"g": pl.String, "h": pl.Int64, "i": pl.Int64, "x": pl.Float64, "flag": pl.Boolean}

rows = st.tuples(
    st.sampled_from(["a", "b", "c", None]),
    st.sampled_from([1, 2, 3, None]),
    st.one_of(st.none(), st.integers(-5, 5), st.sampled_from([2**62, -(2**62)])),
    st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)),
    st.sampled_from([True, False, None]),
)
tables = st.lists(rows, max_size=16).map(lambda found: pl.DataFrame(found, schema=SCHEMA, orient="row"))

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


def run_in_chunks(
    plan: Plan,
    table: pl.DataFrame,
    size: int,
    references: Mapping[str, pl.DataFrame],
    map_sql: Sequence[str] = (),
) -> pl.DataFrame:
    """`map_sql`: what the chunks run, in turn."""
    parts = []
    for index, chunk in enumerate([table[at : at + size] for at in range(0, table.height, size)] or [table]):
        with Sandbox({"input": chunk.select(plan.columns), **references}) as sandbox:
            parts.append(sandbox.run(map_sql[index % len(map_sql)] if map_sql else plan.map_sql))
    if plan.bucket_sql is not None:
        rows, parts = pl.concat(parts), []
        for bucket in range(plan.buckets):
            held = rows.filter(pl.col(BUCKET) == bucket).drop(BUCKET)
            with Sandbox({"input": held, **references}) as sandbox:
                parts.append(sandbox.run(plan.bucket_sql))
    return run_reduce(plan, parts, references)


def run_whole(query: str, table: pl.DataFrame, references: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    with Sandbox({"input": table, **references}) as sandbox:
        return narrowed(sandbox.run(query))


def canonical(frame: pl.DataFrame, *, ordered: bool) -> list[tuple[Any, ...]]:
    found = [tuple(_rounded(value) for value in row) for row in frame.rows()]
    return found if ordered else sorted(found, key=repr)


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_rounded(item) for item in value)
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.9g}") + 0.0
    return int(value) if isinstance(value, Decimal) else value


def assert_same(
    query: str, table: pl.DataFrame, size: int, references: Mapping[str, pl.DataFrame] | None = None
) -> Plan:
    references = references or {}
    plan = make_plan(query, {"input": table, **references})
    found, expected = run_in_chunks(plan, table, size, references), run_whole(query, table, references)
    results = [found]
    if plan.counted is not None:
        counted = plan.counted.map_sql
        results += [run_in_chunks(plan, table, size, references, how) for how in ([counted], [plan.map_sql, counted])]
    ordered = re.search(r"ORDER BY [^)]*$", query.replace("count(*)", "")) is not None
    for result in results:
        assert result.schema == expected.schema
        assert canonical(result, ordered=ordered) == canonical(expected, ordered=ordered)
    return plan


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


windows = st.sampled_from(
    [
        "row_number() OVER (PARTITION BY {key} ORDER BY h, i, x, g, flag)",
        "sum(h) OVER (PARTITION BY {key})",
        "rank() OVER (PARTITION BY {key}, flag ORDER BY h DESC)",
        "lag(h) OVER (PARTITION BY {key} ORDER BY h, i, x, g, flag)",
        "count(*) FILTER (WHERE flag) OVER w",
        "max(i) OVER (PARTITION BY flag, {key} ORDER BY h ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) IS NULL",
    ]
)


@st.composite
def by_key(draw: st.DrawFn) -> str:
    key = draw(st.sampled_from(["g", "h % 2", "x", "upper(g)"]))
    if draw(st.booleans()):
        value = draw(
            st.sampled_from(
                ["product(h)", "list_sort(list(h))", "string_agg(g, '' ORDER BY g)", "sum(DISTINCT h)", "skewness(h)"]
            )
        )
        query = (
            f"SELECT {key} AS k, {value} AS v, count(*) AS n FROM input GROUP BY {draw(st.sampled_from([key, '1']))}"
        )
        return query + draw(
            st.sampled_from(["", " ORDER BY count(*) DESC, k", " HAVING count(*) > 1 ORDER BY k LIMIT 2"])
        )
    value = draw(windows).format(key=key)
    star = draw(st.sampled_from(["*", "g, h, i, x, flag"]))
    query = f"SELECT {star}, {value} AS v FROM input WHERE h IS NOT NULL WINDOW w AS (PARTITION BY {key})"
    query += draw(
        st.sampled_from(
            ["", " QUALIFY row_number() OVER w2 = 1".replace("w2", f"(PARTITION BY {key} ORDER BY g, h, i, x, flag)")]
        )
    )
    return query + draw(st.sampled_from(["", " ORDER BY v, h, g, i, x, flag LIMIT 3"]))


@settings(max_examples=60, deadline=None)
@given(query=by_key(), table=tables, size=st.integers(4, 9))
def test_what_looks_at_rows_of_one_key_runs_by_key(query: str, table: pl.DataFrame, size: int) -> None:
    plan = assert_same(query, table, size)
    assert plan.distributed, plan.reason
    assert plan.bucket_sql is not None


def test_distinct_results_of_groups_are_distinct_over_all_buckets() -> None:
    table = pl.DataFrame([("a", 1, 2, 0.5, True), ("b", 2, 3, 1.5, False)], schema=SCHEMA, orient="row")
    plan = assert_same("SELECT DISTINCT count(*) AS n FROM input GROUP BY g", table, 1)
    assert plan.keys == ("g",)


def test_zeros_of_both_signs_meet_in_one_bucket() -> None:
    table = pl.DataFrame([("a", 1, 2, 0.0, True), ("b", 2, 3, -0.0, False)], schema=SCHEMA, orient="row")
    assert assert_same("SELECT sum(DISTINCT h) AS s FROM input GROUP BY x", table, 1).bucket_sql is not None


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


ON_ONE_NODE = [
    ("SELECT skewness(h) AS s FROM input", "SKEWNESS"),
    (
        "SELECT g, count(*) AS n, sum(count(*)) OVER (PARTITION BY h) AS s FROM input GROUP BY g, h ORDER BY ALL",
        "window",
    ),
    ("SELECT h, row_number() OVER (ORDER BY h, i, x, g, flag) AS n FROM input", "window"),
    ("SELECT sum(DISTINCT h) AS s FROM input", "DISTINCT"),
    ("SELECT count(*) AS n FROM input a JOIN input b ON a.h = b.h", "twice"),
    ("SELECT label, count(h) AS n FROM input RIGHT JOIN names USING (g) GROUP BY label", "RIGHT"),
    ("SELECT count(*) AS n FROM names LEFT JOIN input USING (g)", "FROM"),
    ("WITH t AS (SELECT g, count(*) AS n FROM input GROUP BY g) SELECT max(n) AS m FROM t", "common table"),
    ("SELECT count(*) AS n FROM input WHERE h > (SELECT avg(h) FROM input)", "subquery"),
    ("SELECT g, h, count(*) AS n FROM input GROUP BY ROLLUP (g, h)", "grouping sets"),
    ("SELECT * FROM input", "star"),
    ("SELECT avg(h) AS a, a + 1 AS b FROM input", "neither grouped"),
    ("SELECT product(h) AS p FROM input", "PRODUCT"),
    ("SELECT max(COLUMNS('h|x')) FROM input", "COLUMNS"),
    ("SELECT g COLLATE NOCASE AS k, count(*) AS n FROM input GROUP BY 1", "collation"),
    ("SELECT 1 AS one FROM input HAVING 1 = 1", "computes nothing"),
    ("SELECT quantile_cont(h, 0.5 ORDER BY h DESC) AS q FROM input", "constant fraction"),
]


@pytest.mark.parametrize(("query", "reason"), ON_ONE_NODE)
def test_what_cannot_be_split_runs_on_one_node_and_says_why(query: str, reason: str) -> None:
    table = pl.DataFrame(
        [("a", 1, 2, 0.5, True), ("b", 2, None, 1.5, False), ("a", 3, 4, None, None), (None, 1, 0, 2.0, True)],
        schema=SCHEMA,
        orient="row",
    )
    plan = assert_same(query, table, 2, {"names": NAMES})
    assert not plan.distributed
    assert any(word in (plan.reason or "") for word in reason.split("|"))


@pytest.mark.parametrize(
    "query", ["SELECT g, random() AS r FROM input", "SELECT now() AS t FROM input", "SELECT uuid() AS u FROM input"]
)
def test_a_value_that_differs_at_each_call_is_computed_on_one_node(query: str) -> None:
    assert not make_plan(query, {"input": pl.DataFrame(schema=SCHEMA)}).distributed


def test_only_the_columns_that_the_query_names_are_read() -> None:
    table = pl.DataFrame(schema=SCHEMA)
    assert make_plan("SELECT G, avg(h) AS m FROM input GROUP BY g", {"input": table}).columns == ("g", "h")
    assert make_plan("SELECT count(*) AS n FROM input", {"input": table}).columns == ("g",)
    assert make_plan("SELECT * FROM input", {"input": table}).columns == tuple(SCHEMA)


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(QueryFailed, match="nowhere"):
        make_plan("SELECT nowhere FROM input", {"input": pl.DataFrame(schema=SCHEMA)})


def test_two_result_columns_of_one_name_are_refused() -> None:
    with pytest.raises(QueryRefused, match="alias"):
        make_plan("SELECT g, G FROM input", {"input": pl.DataFrame(schema=SCHEMA)})


def test_an_alias_that_hides_a_column_keeps_the_meaning_it_has_in_the_engine() -> None:
    table = pl.DataFrame([("a", 1, 2, 0.5, True), ("b", 2, 3, 1.5, False)], schema=SCHEMA, orient="row")
    assert_same("SELECT h AS i, sum(i) AS s FROM input GROUP BY h ORDER BY i", table, 1)
    assert_same("SELECT -h AS h, count(*) AS n FROM input GROUP BY ALL ORDER BY h", table, 1)
    assert_same("SELECT g, sum(h) AS __p1 FROM input GROUP BY g ORDER BY __p1 DESC", table, 1)


def test_sums_of_large_integers_are_exact() -> None:
    table = pl.DataFrame({"i": [2**63 - 1] * 5})
    plan = make_plan("SELECT sum(i) AS s FROM input", {"input": table})
    assert int(run_in_chunks(plan, table, 2, {}).item()) == 5 * (2**63 - 1)


def test_a_query_too_long_to_be_split_in_good_time_runs_on_one_node() -> None:
    query = "SELECT g, count(*) AS n FROM input GROUP BY g HAVING " + "count(*) = 1 OR " * 1100 + "false"
    plan = make_plan(query, {"input": pl.DataFrame(schema=SCHEMA)})
    assert not plan.distributed
    assert plan.reason is not None
    assert "too many" in plan.reason


def test_a_long_list_of_values_in_where_is_split() -> None:
    query = "SELECT count(*) AS n FROM input WHERE h IN (" + "1, " * 3000 + "2)"
    assert make_plan(query, {"input": pl.DataFrame(schema=SCHEMA)}).distributed
