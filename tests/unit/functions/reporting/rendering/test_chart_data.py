"""The numbers of a chart."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from functions.reporting.errors import UnknownColumn
from functions.reporting.rendering.chart_data import MAX_BARS, MAX_SERIES, ChartData, chart_data
from functions.reporting.rendering.result import ResultTable
from functions.reporting.rendering.vega import chart_svg, specification
from functions.reporting.schemas import ChartRequest


def chart_of(folder: Path, columns: dict[str, list[object]], **request: object) -> ChartData:
    pl.DataFrame(columns).write_parquet(folder / "r.parquet")
    return chart_data(ResultTable(folder / "r.parquet"), ChartRequest.model_validate(request))


def test_bars_over_names_are_ranked_by_value(tmp_path: Path) -> None:
    data = chart_of(tmp_path, {"k": ["a", "b", "a", "c"], "v": [1, 5, 2, 4]}, type="bar", x="k", y="v")
    assert data.points == ("b", "c", "a")
    assert data.values == ((5, 4, 3),)


def test_lines_follow_their_axis_and_leave_gaps_where_no_row_fell(tmp_path: Path) -> None:
    columns = {"month": [2, 1, 1], "s": ["x", "x", "y"], "v": [1.0, 2.0, 3.0]}
    data = chart_of(tmp_path, columns, type="line", x="month", y="v", series="s", aggregate="mean")
    assert (data.points, data.series) == ((1, 2), ("x", "y"))
    assert data.values == ((2.0, 1.0), (3.0, None))


def test_dates_become_iso_text_on_a_time_axis(tmp_path: Path) -> None:
    data = chart_of(tmp_path, {"d": [date(2013, 1, 2)], "v": [1]}, type="line", x="d", y="v")
    assert (data.points, data.x_kind) == (("2013-01-02",), "time")


def test_what_does_not_fit_is_left_out_and_said(tmp_path: Path) -> None:
    many = {"k": [f"k{n:03}" for n in range(MAX_BARS + 5)], "v": list(range(MAX_BARS + 5))}
    data = chart_of(tmp_path, many, type="bar", x="k", y="v")
    assert len(data.points) == MAX_BARS
    assert data.left_out == "left out: 5 points"


def test_the_least_series_are_left_out(tmp_path: Path) -> None:
    count = MAX_SERIES + 2
    columns = {"x": [1] * count, "s": [f"s{n:02}" for n in range(count)], "v": list(range(count))}
    data = chart_of(tmp_path, columns, type="line", x="x", y="v", series="s")
    assert len(data.series) == MAX_SERIES
    assert "s00" not in data.series
    assert "s01" not in data.series


def test_a_chart_needs_numbers(tmp_path: Path) -> None:
    with pytest.raises(UnknownColumn, match="needs numbers"):
        chart_of(tmp_path, {"k": ["a"], "v": ["text"]}, x="k", y="v")


def test_the_title_does_not_say_mean_twice(tmp_path: Path) -> None:
    data = chart_of(tmp_path, {"k": ["a"], "mean_delay": [1.0]}, x="k", y="mean_delay", aggregate="mean")
    assert data.title == "Mean delay by k"


def test_names_from_the_result_stand_in_the_data_and_never_in_the_specification(tmp_path: Path) -> None:
    evil = "datum['x'] + alert(1)"
    columns = {evil: ["<script>"], "s": [evil], "v": [1]}
    for kind in ("bar", "heatmap"):
        chart = {"type": kind, "x": evil, "y": "v", "series": "s", "title": "t"}
        data = replace(chart_of(tmp_path, columns, **chart), x_title="x", series_title="s")
        without_data = {key: value for key, value in specification(data).items() if key != "data"}
        assert "alert" not in repr(without_data)
        assert "script" not in repr(without_data)


def test_labels_stand_on_the_axes_and_in_the_title(tmp_path: Path) -> None:
    columns = {"k": ["a"], "mean_dep": [1.0], "NYC_hub": ["x"]}
    pl.DataFrame(columns).write_parquet(tmp_path / "r.parquet")
    table = ResultTable(tmp_path / "r.parquet", {"k": "Airline", "mean_dep": "Mean departure delay"})
    request = {"type": "line", "x": "k", "y": "mean_dep", "series": "NYC_hub", "aggregate": "mean"}
    data = chart_data(table, ChartRequest.model_validate(request))
    assert (data.x_title, data.y_title, data.series_title) == ("Airline", "Mean departure delay", "NYC hub")
    assert data.title == "Mean departure delay by airline and NYC hub"


def test_a_heatmap_shows_its_numbers_where_there_is_room_for_them(tmp_path: Path) -> None:
    def layers(points: int) -> int:
        columns: dict[str, list[object]] = {"x": list(range(points)), "s": ["a"] * points, "v": [1.5] * points}
        data = chart_of(tmp_path, columns, type="heatmap", x="x", y="v", series="s")
        return len(specification(data)["layer"])

    assert (layers(12), layers(31)) == (2, 1)


@pytest.mark.parametrize("kind", ["bar", "line", "area", "heatmap"])
def test_every_type_of_chart_becomes_a_picture_with_escaped_texts(tmp_path: Path, kind: str) -> None:
    columns = {"month": [1, 2, 1, 2], "s": ["<a&b>", "<a&b>", "y", "y"], "v": [1, 2, -3, 4]}
    svg = chart_svg(chart_of(tmp_path, columns, type=kind, x="month", y="v", series="s"))
    assert svg.startswith("<svg")
    assert "Source Sans Pro" in svg
    assert "&lt;a&amp;b&gt;" in svg
    assert "<a&b>" not in svg
