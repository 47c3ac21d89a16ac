"""Queries that need all rows of a key together: the chunks deal out their rows to buckets."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.functions.processing.sql.parts import assert_same, table_of, tables

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
    table = table_of(("a", 1, 2, 0.5, True), ("b", 2, 3, 1.5, False))
    plan = assert_same("SELECT DISTINCT count(*) AS n FROM input GROUP BY g", table, 1)
    assert plan.keys == ("g",)


def test_zeros_of_both_signs_meet_in_one_bucket() -> None:
    table = table_of(("a", 1, 2, 0.0, True), ("b", 2, 3, -0.0, False))
    assert assert_same("SELECT sum(DISTINCT h) AS s FROM input GROUP BY x", table, 1).bucket_sql is not None
