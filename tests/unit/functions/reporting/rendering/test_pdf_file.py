"""The PDF: what people wrote is shown, never run; the same report twice is the same file."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import typst

from functions.reporting.rendering.chart_data import chart_data
from functions.reporting.rendering.pdf_file import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    Front,
    breakable,
    document,
    write_pdf,
)
from functions.reporting.rendering.result import ResultTable
from functions.reporting.rendering.summary import Figure, profile
from functions.reporting.schemas import ChartRequest

FRONT = Front(
    title="Flight delays",
    subtitle="2013",
    author="demo",
    job="job-1",
    date=datetime(2026, 11, 23, 23, 30, tzinfo=UTC),
    figures=(Figure("Rows", "2"),),
    chart=None,
)
HOSTILE = [
    '#panic("run")',
    '#read("/etc/passwd")',
    '"); #import "@preview/x:1.0.0"; (',
    "$x^2$ *bold* _it_ `raw` @ref <label> \\u{41} // no /* no",
    "= Heading\n- list",
]


def table_of(folder: Path, frame: pl.DataFrame) -> ResultTable:
    frame.write_parquet(folder / "result.parquet")
    return ResultTable(folder / "result.parquet")


@pytest.mark.parametrize("text", HOSTILE)
def test_typst_code_in_texts_is_shown_and_not_run(tmp_path: Path, text: str) -> None:
    table = table_of(tmp_path, pl.DataFrame({text: [text], "n": [1]}))
    chart = chart_data(table, ChartRequest.model_validate({"x": "n", "y": "n", "title": "t"}))
    front = replace(FRONT, title=text, subtitle=text, job=text, figures=(Figure(text, text),))
    front = replace(front, chart=replace(chart, title=text, left_out=text))
    assert write_pdf(table, profile(table), front, tmp_path / "r.pdf") >= 1
    data = document(table, profile(table), front)
    assert data["cells"][0].replace("\u200b", "") == text.replace("\n", " ")


def test_the_same_report_twice_is_the_same_file(tmp_path: Path) -> None:
    table = table_of(tmp_path, pl.DataFrame({"a": ["x", "y"], "n": [1, 2]}))
    for name in ("one.pdf", "two.pdf"):
        write_pdf(table, profile(table), FRONT, tmp_path / name)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_the_file_is_tagged_titled_and_conforms_to_pdf_a_and_pdf_ua(tmp_path: Path) -> None:
    table = table_of(tmp_path, pl.DataFrame({"a": ["x"], "n": [1]}))
    write_pdf(table, profile(table), FRONT, tmp_path / "r.pdf")
    content = (tmp_path / "r.pdf").read_bytes()
    assert content.startswith(b"%PDF-1.7")
    for mark in (b"/StructTreeRoot", b"pdfaid:part", b"pdfuaid:part", b"Flight delays"):
        assert mark in content


def test_the_page_count_is_the_files_own(tmp_path: Path) -> None:
    table = table_of(tmp_path, pl.DataFrame({"n": range(300)}))
    pages = write_pdf(table, profile(table), FRONT, tmp_path / "r.pdf")
    found = re.search(rb"/Type/Pages/Count (\d+)", (tmp_path / "r.pdf").read_bytes())
    assert found is not None
    assert pages == int(found.group(1)) > 3


def test_a_script_that_no_font_has_does_not_stop_the_report(tmp_path: Path) -> None:
    table = table_of(tmp_path, pl.DataFrame({"a": ["航班延误 \U0001f6eb \ue000"]}))
    assert write_pdf(table, profile(table), replace(FRONT, title="航班 \ue000"), tmp_path / "r.pdf") == 1


def test_a_long_table_is_cut_and_says_so(tmp_path: Path) -> None:
    table = table_of(tmp_path, pl.DataFrame({"n": range(MAX_ROWS + 1)}))
    data = document(table, profile(table), FRONT)
    assert len(data["cells"]) == MAX_ROWS
    assert "first 5,000 of 5,001 rows" in data["note"]


def test_a_wide_table_is_cut_and_says_so(tmp_path: Path) -> None:
    columns = {f"c{n:02}": range(2000) for n in range(MAX_COLUMNS + 4)}
    data = document(table_of(tmp_path, pl.DataFrame(columns)), (), FRONT)
    assert data["columns"] == []
    table = table_of(tmp_path, pl.DataFrame(columns))
    data = document(table, profile(table), FRONT)
    assert len(data["columns"]) == MAX_COLUMNS
    assert len(data["cells"]) <= MAX_CELLS
    assert "first 16 of 20 columns" in data["note"]


def test_a_result_without_rows_is_a_report_too(tmp_path: Path) -> None:
    table = table_of(tmp_path, pl.DataFrame(schema={"a": pl.String, "n": pl.Int64}))
    assert write_pdf(table, profile(table), FRONT, tmp_path / "r.pdf") == 1


def test_the_day_is_that_of_the_request_in_utc(tmp_path: Path) -> None:
    table = table_of(tmp_path, pl.DataFrame({"n": [1]}))
    assert document(table, profile(table), FRONT)["dateText"] == "23 November 2026"


def test_a_heatmap_with_empty_fields_says_what_they_are(tmp_path: Path) -> None:
    table = table_of(tmp_path, pl.DataFrame({"m": [1, 2], "s": ["a", "b"], "v": [1.0, 2.0]}))
    request = {"type": "heatmap", "x": "m", "y": "v", "series": "s"}
    front = replace(FRONT, chart=chart_data(table, ChartRequest.model_validate(request)))
    assert document(table, profile(table), front)["chart"]["note"] == "An empty field has no data."


def test_a_long_heading_breaks_before_it_makes_its_column_wide(tmp_path: Path) -> None:
    pl.DataFrame({"p95": [1.5], "n_x": [1]}).write_parquet(tmp_path / "r.parquet")
    table = ResultTable(tmp_path / "r.parquet", {"p95": "95th percentile of the departure delay"})
    columns = document(table, profile(table), FRONT)["columns"]
    assert [column["heading"] for column in columns] == [["95th percentile", "of the departure", "delay"], ["N x"]]


def test_a_long_word_can_break() -> None:
    assert "\u200b" in breakable("x" * 80)
    assert breakable("short words stay") == "short words stay"


def test_a_mistake_in_the_template_would_be_seen() -> None:
    with pytest.raises(typst.TypstError):
        typst.compile(b'#panic("x")', format="pdf")
