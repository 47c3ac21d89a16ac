"""The numbers of a chart: one value for each point on the x axis and each series."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import polars as pl

from functions.reporting.errors import UnknownColumn
from functions.reporting.rendering.number_text import decimals_of
from functions.reporting.rendering.result import Column, ResultTable
from functions.reporting.rendering.summary import aggregated, within_phrase, words_of
from functions.reporting.schemas import ChartRequest

MAX_BARS, MAX_POINTS, MAX_SERIES, MAX_HEATMAP_ROWS = 30, 500, 12, 60
AxisKind = Literal["category", "number", "time"]
_VERBS = {"sum": "Total", "mean": "Mean", "min": "Least", "max": "Greatest", "count": "Number of"}


@dataclass(frozen=True)
class ChartData:
    """A matrix: `values[s][p]` belongs to `series[s]` at `points[p]`; None where no row fell.

    A chart without series has exactly one, named like the y axis. `left_out` tells in words what did not fit.
    """

    type: Literal["bar", "line", "area", "heatmap"]
    title: str
    x_title: str
    y_title: str
    series_title: str | None
    x_kind: AxisKind
    points: tuple[str | float, ...]
    series: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    left_out: str | None = None

    @property
    def decimals(self) -> int:
        """How many decimals its numbers show; a heatmap's fields have room for one less than a table."""
        needed = decimals_of(value for row in self.values for value in row)
        return max(0, needed - 1) if self.type == "heatmap" else needed


def chart_data(table: ResultTable, chart: ChartRequest) -> ChartData:
    """Aggregate the table for the chart.

    Bars over text without series are ordered by value, the greatest first; everything else by its axis. Points and
    series past the limits are left out, the least first. Raises UnknownColumn for a column that is not there or fits
    not.
    """
    x, y = table.column(chart.x), table.column(chart.y)
    if chart.aggregate != "count" and not y.is_numeric:
        raise UnknownColumn(f"the chart needs numbers on y, but {y.name!r} is {y.kind}")
    series = table.column(chart.series) if chart.series is not None else None
    long = _long(table, chart, x, series)
    points, points_left = _chosen_points(long, chart, x)
    names, names_left = _chosen_series(long, chart)
    found = {(row["s"], row["x"]): row["y"] for row in long.iter_rows(named=True)}
    measure = _measure(y, chart)
    return ChartData(
        type=chart.type,
        title=chart.title or _title(measure, x, series),
        x_title=x.label,
        y_title=measure,
        series_title=series.label if series else None,
        x_kind=_axis_kind(x),
        points=tuple(_point(value) for value in points),
        series=tuple(measure if name is None else str(name) for name in names),
        values=tuple(tuple(_finite(found.get((name, point))) for point in points) for name in names),
        left_out=_left_out(points_left, names_left),
    )


def _long(table: ResultTable, chart: ChartRequest, x: Column, series: Column | None) -> pl.DataFrame:
    x_values = pl.col(x.name) if x.kind != "text" else pl.col(x.name).fill_null("(none)")
    s_values = pl.col(series.name).cast(pl.String).fill_null("(none)") if series else pl.lit(None, dtype=pl.String)
    frame = table.lazy().select(x_values.alias("x"), s_values.alias("s"), pl.col(chart.y).alias("y"))
    grouped = frame.drop_nulls("x").group_by("x", "s").agg(aggregated("y", chart.aggregate).cast(pl.Float64))
    return grouped.sort("x", "s").collect()


def _chosen_points(long: pl.DataFrame, chart: ChartRequest, x: Column) -> tuple[list[Any], int]:
    ranked = chart.type == "bar" and x.kind == "text" and chart.series is None
    limit = MAX_BARS if chart.type == "bar" else MAX_POINTS
    if chart.type == "heatmap":
        limit = MAX_HEATMAP_ROWS
    if ranked:
        points = long.sort("y", "x", descending=[True, False], nulls_last=True)["x"].to_list()
    else:
        points = long["x"].unique().sort().to_list()
    return points[:limit], max(0, len(points) - limit)


def _chosen_series(long: pl.DataFrame, chart: ChartRequest) -> tuple[list[Any], int]:
    totals = long.group_by("s").agg(pl.col("y").abs().sum()).sort("y", "s", descending=[True, False])
    limit = MAX_HEATMAP_ROWS if chart.type == "heatmap" else MAX_SERIES
    kept = set(totals["s"].to_list()[:limit])
    names = [name for name in long["s"].unique(maintain_order=False).sort().to_list() if name in kept]
    return names, max(0, totals.height - limit)


def _measure(y: Column, chart: ChartRequest) -> str:
    if chart.aggregate in words_of(y.label):
        return y.label
    return f"{_VERBS[chart.aggregate]} {within_phrase(y.label)}"


def _title(measure: str, x: Column, series: Column | None) -> str:
    over = f" and {within_phrase(series.label)}" if series else ""
    return f"{measure} by {within_phrase(x.label)}{over}"


def _left_out(points: int, series: int) -> str | None:
    parts = [f"{count} {name}" for count, name in ((points, "points"), (series, "series")) if count]
    return f"left out: {' and '.join(parts)}" if parts else None


def _axis_kind(column: Column) -> AxisKind:
    if column.kind in {"date", "datetime"}:
        return "time"
    return "number" if column.is_numeric else "category"


def _point(value: Any) -> str | float:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None
