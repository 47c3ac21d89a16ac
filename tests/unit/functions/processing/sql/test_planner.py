"""What is not split and why, what a chunk reads, and which queries are refused."""

from collections import Counter

import polars as pl
import pytest

from functions.processing.errors import QueryFailed, QueryRefused
from functions.processing.sql.engine import Sandbox
from functions.processing.sql.planner import make_plan
from tests.unit.functions.processing.sql.parts import NAMES, SCHEMA, assert_same, run_in_chunks, table_of

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
    table = table_of(
        ("a", 1, 2, 0.5, True), ("b", 2, None, 1.5, False), ("a", 3, 4, None, None), (None, 1, 0, 2.0, True)
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


def test_each_query_of_a_plan_is_described_once(monkeypatch: pytest.MonkeyPatch) -> None:
    describe, described = Sandbox.describe, Counter[str]()

    def counted(sandbox: Sandbox, query: str) -> list[tuple[str, str]]:
        described[query] += 1
        return describe(sandbox, query)

    monkeypatch.setattr(Sandbox, "describe", counted)
    plan = make_plan("SELECT g, median(h) AS m FROM input GROUP BY g", {"input": pl.DataFrame(schema=SCHEMA)})
    assert plan.counted is not None
    assert {plan.map_sql, plan.counted.map_sql, plan.counted.probe_sql} <= described.keys()
    assert set(described.values()) == {1}


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(QueryFailed, match="nowhere"):
        make_plan("SELECT nowhere FROM input", {"input": pl.DataFrame(schema=SCHEMA)})


def test_two_result_columns_of_one_name_are_refused() -> None:
    with pytest.raises(QueryRefused, match="alias"):
        make_plan("SELECT g, G FROM input", {"input": pl.DataFrame(schema=SCHEMA)})


def test_an_alias_that_hides_a_column_keeps_the_meaning_it_has_in_the_engine() -> None:
    table = table_of(("a", 1, 2, 0.5, True), ("b", 2, 3, 1.5, False))
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
