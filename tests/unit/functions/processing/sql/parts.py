"""Tables, and a planned query over chunks of one beside the query itself over the whole."""

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import strategies as st

from functions.processing.sql.engine import Sandbox, narrowed
from functions.processing.sql.exchange import BUCKET
from functions.processing.sql.planner import Plan, make_plan
from functions.processing.sql.running import run_reduce

NAMES = pl.DataFrame({"key": ["a", "b", "c"], "g": ["a", "b", "c"], "label": ["Ay", "Bee", "Bee"]})
SCHEMA = {"g": pl.String, "h": pl.Int64, "i": pl.Int64, "x": pl.Float64, "flag": pl.Boolean}


def table_of(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


rows = st.tuples(
    st.sampled_from(["a", "b", "c", None]),
    st.sampled_from([1, 2, 3, None]),
    st.one_of(st.none(), st.integers(-5, 5), st.sampled_from([2**62, -(2**62)])),
    st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)),
    st.sampled_from([True, False, None]),
)
tables = st.lists(rows, max_size=16).map(lambda found: table_of(*found))


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
        assert result.schema == expected.schema, (result.schema, expected.schema)
        same = canonical(result, ordered=ordered) == canonical(expected, ordered=ordered)
        assert same, f"in chunks: {result.rows()}, whole: {expected.rows()}"
    return plan
