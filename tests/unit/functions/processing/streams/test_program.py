import pytest

from functions.processing.errors import QueryFailed, QueryRefused
from functions.processing.streams.program import compile_query
from tests.unit.functions.processing.streams.parts import TUMBLING, a_stream


@pytest.mark.parametrize(("query", "reason"), [
    ("SELECT COUNT(*) FROM input GROUP BY k", "GROUP BY"),
    ("SELECT COUNT(*) FROM input ORDER BY 1", "ORDER BY"),
    ("SELECT COUNT(*) FROM input LIMIT 1", "LIMIT"),
    ("SELECT DISTINCT COUNT(*) FROM input", "DISTINCT"),
    ("WITH a AS (SELECT 1) SELECT COUNT(*) FROM input", "WITH"),
    ("SELECT COUNT(*) FROM input, input AS other", "join"),
    ("SELECT COUNT(*) FROM input UNION SELECT 1", "UNION"),
    ("SELECT COUNT(*) FROM 'file.csv'", "no table"),
    ("SELECT COUNT(*) FROM (SELECT * FROM input)", "reads FROM input"),
    ("SELECT COUNT(*) FILTER (WHERE v > (SELECT 1)) FROM input", "reads FROM input"),
    ("SELECT 1", "reads FROM input"),
    ("SELECT LISTAGG(k) FROM input", "values of any size"),
    ("SELECT MIN(__start) FROM input", "the engine's own"),
    ("SELECT COUNT(*) AS __key FROM input", "the engine's own"),
    ("DELETE FROM input", "one SELECT"),
    ("SELECT getenv('HOME'), COUNT(*) FROM input", "not available"),
])  # fmt: skip
def test_a_query_that_can_not_be_streamed_is_refused_with_the_reason(query: str, reason: str) -> None:
    with pytest.raises(QueryRefused, match=reason):
        compile_query(a_stream(TUMBLING, query=query))


@pytest.mark.parametrize(
    "query", ["SELECT COUNT(nothing) FROM input", "SELECT v FROM input", "SELECT SUM(k) FROM input"]
)
def test_a_query_that_does_not_bind_fails(query: str) -> None:
    with pytest.raises(QueryFailed):
        compile_query(a_stream(TUMBLING, query=query))


def test_only_the_columns_that_the_query_reads_are_taken_from_messages() -> None:
    stream = a_stream(TUMBLING, query="SELECT SUM(v) AS total FROM input WHERE v > 1")
    assert compile_query(stream).columns == ("v",)
