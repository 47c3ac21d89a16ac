"""What a result is about: names and measures, key figures, the fitting chart."""

from pathlib import Path

import polars as pl
import pytest

from functions.reporting.errors import UnknownColumn
from functions.reporting.rendering.result import ResultTable
from functions.reporting.rendering.summary import Profile, fitting_chart, key_figures, profile
from functions.reporting.schemas import FigureRequest

MONTHS = list(range(1, 13))
FRAME = pl.DataFrame(
    {
        "carrier": ["9E"] * 12 + ["UA"] * 12,
        "name": ["Endeavor Air"] * 12 + ["United Air Lines"] * 12,
        "month": MONTHS * 2,
        "flights": [1000 + 37 * month for month in MONTHS] + [4000 + 53 * month for month in MONTHS],
        "max_delay": [300 + 17 * month * month for month in MONTHS * 2],
        "mean_delay": [0.5 * month for month in MONTHS * 2],
    }
)


@pytest.fixture
def table(tmp_path: Path) -> ResultTable:
    FRAME.write_parquet(tmp_path / "result.parquet")
    return ResultTable(tmp_path / "result.parquet")


def by_name(profiles: tuple[Profile, ...]) -> dict[str, Profile]:
    return {p.column.name: p for p in profiles}


def test_a_month_names_its_row_and_a_count_measures_it(table: ResultTable) -> None:
    profiles = by_name(profile(table))
    assert profiles["month"].names
    assert profiles["flights"].measures


def test_aggregates_that_do_not_add_up_are_no_measures(table: ResultTable) -> None:
    profiles = by_name(profile(table))
    assert not profiles["max_delay"].measures
    assert not profiles["max_delay"].names


def test_without_a_wish_the_figures_are_the_rows_and_the_totals(table: ResultTable) -> None:
    figures = key_figures(table, profile(table), ())
    total = sum(FRAME["flights"].to_list())
    assert [(f.label, f.value) for f in figures] == [("Rows", "24"), ("Total flights", f"{total:,}")]


def test_a_figure_that_was_asked_for_is_computed_over_all_rows(table: ResultTable) -> None:
    wanted = (FigureRequest(label="Mean", column="mean_delay", aggregate="mean"),)
    assert [(f.label, f.value) for f in key_figures(table, profile(table), wanted)] == [("Mean", "3.25")]


def test_a_figure_over_text_is_refused_unless_it_counts(table: ResultTable) -> None:
    with pytest.raises(UnknownColumn, match="needs numbers"):
        key_figures(table, profile(table), (FigureRequest(label="Sum", column="name"),))
    counted = key_figures(table, profile(table), (FigureRequest(label="N", column="name", aggregate="count"),))
    assert counted[0].value == "24"


def test_the_fitting_chart_shows_the_first_measure_by_name(table: ResultTable) -> None:
    chart = fitting_chart(profile(table))
    assert chart is not None
    assert (chart.type, chart.x, chart.y, chart.aggregate) == ("bar", "name", "flights", "sum")


def test_a_result_without_text_has_no_fitting_chart(tmp_path: Path) -> None:
    FRAME.select("month", "flights").write_parquet(tmp_path / "r.parquet")
    assert fitting_chart(profile(ResultTable(tmp_path / "r.parquet"))) is None
