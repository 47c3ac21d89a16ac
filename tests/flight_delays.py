"""The main job's result computed independently, by Polars over the whole file at once."""

from io import BytesIO
from pathlib import Path

import polars as pl

COLUMNS = [
    "carrier",
    "name",
    "month",
    "flights",
    "cancelled",
    "mean_dep_delay",
    "max_dep_delay",
    "p95_dep_delay",
    "mean_arr_delay",
    "distance",
]
TOLERANCE = 1e-9


def expected(flights: bytes, airlines: dict[str, dict[str, str]]) -> pl.DataFrame:
    """One row per carrier and month, ordered by both."""
    names = pl.DataFrame(list(airlines.values()))
    data = pl.read_csv(BytesIO(flights), null_values=["NA"], infer_schema_length=None)
    return (
        data.join(names, on="carrier")
        .group_by("carrier", "name", "month")
        .agg(
            pl.len().alias("flights"),
            pl.col("dep_time").is_null().sum().alias("cancelled"),
            pl.col("dep_delay").mean().alias("mean_dep_delay"),
            pl.col("dep_delay").max().alias("max_dep_delay"),
            pl.col("dep_delay").quantile(0.95, "linear").alias("p95_dep_delay"),
            pl.col("arr_delay").mean().alias("mean_arr_delay"),
            pl.col("distance").sum(),
        )
        .sort("carrier", "month")
        .select(COLUMNS)
    )


def assert_equal(path: Path, wanted: pl.DataFrame) -> None:
    """The CSV file has these columns, rows and order, numbers to 1e-9."""
    found = pl.read_csv(path, infer_schema_length=None)
    assert found.columns == COLUMNS
    assert found.height == wanted.height > 0
    for column in COLUMNS:
        if found[column].dtype == pl.String:
            assert found[column].to_list() == wanted[column].to_list()
        else:
            difference = (found[column].cast(pl.Float64) - wanted[column].cast(pl.Float64)).abs()
            assert found[column].is_null().to_list() == wanted[column].is_null().to_list(), column
            assert float(difference.max() or 0.0) <= TOLERANCE, column  # type: ignore[arg-type]
