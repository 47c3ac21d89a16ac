"""The example's own query, split over chunks of a small table like its own, equals Polars alone."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from chassis.settings import ROOT
from functions.processing.sql.engine import Sandbox, narrowed
from functions.processing.sql.planner import make_plan

QUERY = (ROOT / "examples" / "flight-delays" / "query.sql").read_text(encoding="utf-8")
AIRLINES = pl.DataFrame({"carrier": ["AA", "UA"], "name": ["American", "United"], "key": ["AA", "UA"]})
COLUMNS = ("carrier", "month", "dep_time", "dep_delay", "arr_delay", "distance")
flights = st.tuples(
    st.sampled_from(["AA", "UA"]),
    st.integers(1, 2),
    st.none() | st.integers(1, 2400),
    st.none() | st.integers(-40, 1300),
    st.none() | st.integers(-90, 1300),
    st.integers(17, 4983),
)


@settings(max_examples=8, deadline=None)
@given(st.lists(flights, min_size=1, max_size=40), st.integers(5, 15))
def test_the_example_query_over_chunks_equals_polars_alone(rows: list[tuple[object, ...]], size: int) -> None:
    schema = {name: pl.String if name == "carrier" else pl.Int64 for name in COLUMNS}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    plan = make_plan(QUERY, {"input": table, "airlines": AIRLINES})
    assert plan.distributed
    parts = []
    for at in range(0, table.height, size):
        with Sandbox({"input": table[at : at + size].select(plan.columns), "airlines": AIRLINES}) as sandbox:
            parts.append(sandbox.run(plan.map_sql))
    with Sandbox({plan.reduce_over: pl.concat(parts), "airlines": AIRLINES}) as sandbox:
        found = narrowed(sandbox.run(plan.reduce_sql))
    delay = pl.col("dep_delay")
    expected = (
        table.join(AIRLINES, on="carrier")
        .group_by("carrier", "name", "month")
        .agg(
            flights=pl.len().cast(pl.Int64),
            cancelled=pl.col("dep_time").null_count().cast(pl.Int64),
            mean_dep_delay=delay.mean(),
            max_dep_delay=delay.max(),
            p95_dep_delay=delay.quantile(0.95, interpolation="linear"),
            mean_arr_delay=pl.col("arr_delay").mean(),
            distance=pl.col("distance").sum(),
        )
        .sort("carrier", "month")
    )
    assert_frame_equal(found, expected, abs_tol=1e-9, rel_tol=1e-12)
