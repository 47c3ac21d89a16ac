"""Queries that could make values of any size are told from all others."""

import pytest

from functions.processing.sql import guard
from functions.processing.sql.growth import growing
from local.layout import ROOT


@pytest.mark.parametrize(("query", "names"), [
    ("SELECT repeat(s, 1000000000) AS a FROM input", {"repeat"}),
    ("SELECT lpad(s, 1000000000, 'x') AS a FROM input", {"lpad"}),
    ("SELECT printf('%1000000000d', x) AS a FROM input", {"printf"}),
    ("SELECT replace(s, 'a', 'aaaa') AS a FROM input", {"replace"}),
    ("SELECT s || s AS a, a || a AS b FROM input", {"||"}),
    ("SELECT concat(s, s) AS a FROM input", {"concat", "||"}),
    ("SELECT list_reduce(list(s), lambda a, b: a) AS a FROM input", {"list_reduce", "lambda"}),
    ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT n FROM r", {"recursive"}),
    ("SELECT x FROM input WHERE length(repeat(s, 9)) > 1", {"repeat"}),
])  # fmt: skip
def test_what_can_grow_is_named(query: str, names: set[str]) -> None:
    assert growing(guard.parse(query, ())) == names


@pytest.mark.parametrize("query", [
    (ROOT / "examples" / "flight-delays" / "query.sql").read_text(),
    "SELECT upper(s) AS s, count(DISTINCT x), stddev(x) FILTER (WHERE x > 0) FROM input GROUP BY ALL HAVING max(x) > 1",
    "SELECT x, row_number() OVER (PARTITION BY s ORDER BY x), lag(x, 2) OVER w FROM input WINDOW w AS (ORDER BY x)",
    "SELECT date_trunc('month', t) AS m, quantile_cont(x, [0.5, 0.9]), CAST(s AS INTEGER), CASE WHEN x THEN 1 END "
    "FROM input WHERE s LIKE 'a%' AND x IN (1, 2) AND NOT coalesce(x, 0) = 1 GROUP BY ALL",
])  # fmt: skip
def test_what_reports_are_made_of_does_not_grow(query: str) -> None:
    assert growing(guard.parse(query, ("airlines",))) == set()
