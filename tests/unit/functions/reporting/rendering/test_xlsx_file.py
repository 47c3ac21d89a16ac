"""The workbook, read back from its own XML (ECMA-376)."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import polars as pl
import pytest

from functions.reporting.errors import TooManyRows
from functions.reporting.rendering import xlsx_file
from functions.reporting.rendering.chart_data import chart_data
from functions.reporting.rendering.result import ResultTable
from functions.reporting.rendering.summary import profile
from functions.reporting.rendering.xlsx_file import Properties, number_format, write_xlsx
from functions.reporting.schemas import ChartRequest

CREATED = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
NS = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "http://example.com", "\t=1", "{=1}"]


def workbook_of(folder: Path, frame: pl.DataFrame, chart: ChartRequest | None = None) -> ZipFile:
    frame.write_parquet(folder / "r.parquet")
    table = ResultTable(folder / "r.parquet")
    data = chart_data(table, chart) if chart else None
    write_xlsx(table, profile(table), data, Properties("T", "", "demo", CREATED), folder / "r.xlsx")
    return ZipFile(folder / "r.xlsx")


def cells(book: ZipFile, sheet: int = 1) -> dict[str, tuple[str, str | None]]:
    """Cell reference to (type, text); type is n for numbers, inlineStr for texts, b for booleans."""
    root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
    return {
        cell.attrib["r"]: (cell.attrib.get("t", "n"), "".join(cell.itertext()) or None)
        for cell in root.iterfind(".//m:c", NS)
    }


def test_texts_that_look_like_formulas_or_links_stay_texts(tmp_path: Path) -> None:
    book = workbook_of(tmp_path, pl.DataFrame({"=HEAD()": FORMULAS}))
    found = cells(book)
    assert found["A1"] == ("inlineStr", "=HEAD()")
    assert [found[f"A{row}"] for row in range(2, 10)] == [("inlineStr", text) for text in FORMULAS]
    sheet = book.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"<hyperlink" not in sheet


def test_cells_have_their_types(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": [7, None], "x": [0.1, float("nan")], "b": [True, False], "t": ["a", ""]})
    found = cells(workbook_of(tmp_path, frame))
    assert found["A2"] == ("n", "7")
    assert found["B2"] == ("n", "0.1")
    assert found["C2"] == ("b", "1")
    assert found["D2"] == ("inlineStr", "a")
    assert found["A3"] == ("n", None)
    assert found["B3"] == ("inlineStr", "NaN")


def test_an_id_past_excels_precision_stays_exact_as_text(tmp_path: Path) -> None:
    found = cells(workbook_of(tmp_path, pl.DataFrame({"id": [2**53 + 1, 5]})))
    assert found["A2"] == ("inlineStr", str(2**53 + 1))
    assert found["A3"] == ("n", "5")


def test_dates_are_serial_numbers_and_instants_are_in_utc(tmp_path: Path) -> None:
    moment = datetime(2013, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    frame = pl.DataFrame({"d": [date(2013, 1, 1)], "t": pl.Series([moment]).dt.convert_time_zone("Europe/Berlin")})
    found = cells(workbook_of(tmp_path, frame))
    assert found["A2"] == ("n", "41275")
    assert found["B2"] == ("n", "41275")


def test_the_header_is_frozen_and_filtered(tmp_path: Path) -> None:
    sheet = workbook_of(tmp_path, pl.DataFrame({"a": [1, 2], "b": [3, 4]})).read("xl/worksheets/sheet1.xml").decode()
    assert 'state="frozen"' in sheet
    assert '<autoFilter ref="A1:B3"' in sheet


def test_measures_are_grouped_and_years_are_not(tmp_path: Path) -> None:
    frame = pl.DataFrame({"year": [2010, 2011, 2012], "flights": [10, 5000, 77], "mean": [1.5, 2.25, 300.0]})
    frame.write_parquet(tmp_path / "r.parquet")
    profiles = profile(ResultTable(tmp_path / "r.parquet"))
    formats = [number_format(p, frame[p.column.name]) for p in profiles]
    assert formats == ["0", "#,##0", "#,##0.00"]


def test_columns_are_headed_in_plain_words_that_break_before_they_widen(tmp_path: Path) -> None:
    pl.DataFrame({"mean_dep_delay": [1.25], "n_x": [1]}).write_parquet(tmp_path / "r.parquet")
    table = ResultTable(tmp_path / "r.parquet", {"mean_dep_delay": "Mean departure delay (minutes)"})
    write_xlsx(table, profile(table), None, Properties("T", "", "demo", CREATED), tmp_path / "r.xlsx")
    book = ZipFile(tmp_path / "r.xlsx")
    assert [cells(book)[name][1] for name in ("A1", "B1")] == ["Mean departure delay (minutes)", "N x"]
    column = re.search(rb'<col min="1" max="1" width="([0-9.]+)"', book.read("xl/worksheets/sheet1.xml"))
    assert column is not None
    assert float(column[1]) < 20


def test_a_heatmap_is_a_table_of_coloured_fields_with_whole_names(tmp_path: Path) -> None:
    name = "=A long name of an airline, Inc."
    frame = pl.DataFrame({"m": [1, 2, 1], "s": [name, name, "y"], "v": [1.25, 2.0, -3.0]})
    request = {"type": "heatmap", "x": "m", "y": "v", "series": "s", "title": "=T"}
    book = workbook_of(tmp_path, frame, ChartRequest.model_validate(request))
    found = cells(book, sheet=2)
    assert [found[place][1] for place in ("A1", "B2", "A3", "B3", "C3", "A4")] == ["=T", "M", "S", "1", "2", name]
    assert (found["B4"], found["C4"], found["B5"]) == (("n", "1.25"), ("n", "2"), ("n", "-3"))
    assert "C5" not in found
    sheet = book.read("xl/worksheets/sheet2.xml").decode()
    assert '<cfvo type="num" val="0"/>' in sheet
    width = re.search('<col min="1" max="1" width="([0-9.]+)"', sheet)
    assert width is not None
    assert float(width[1]) > len(name)


@pytest.mark.parametrize("kind", ["bar", "line", "area"])
def test_the_chart_sheet_has_its_numbers_and_picture(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame({"m": [1, 2, 1], "s": ["=x", "=x", "y"], "v": [1, 2, 3]})
    chart = ChartRequest.model_validate({"type": kind, "x": "m", "y": "v", "series": "s"})
    book = workbook_of(tmp_path, frame, chart)
    found = cells(book, sheet=2)
    assert found["B1"] == ("inlineStr", "=x")
    assert found["B3"] == ("n", "2")
    assert re.search(rb"Chart'?!\$B\$2:\$B\$3", book.read("xl/charts/chart1.xml"))


def test_the_same_workbook_twice_is_the_same_file(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        workbook_of(tmp_path / name, pl.DataFrame({"a": [1], "b": ["x"]}))
        contents.append((tmp_path / name / "r.xlsx").read_bytes())
    assert contents[0] == contents[1]


def test_more_rows_than_a_worksheet_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "MAX_ROWS", 2)
    with pytest.raises(TooManyRows, match="the result has 3"):
        workbook_of(tmp_path, pl.DataFrame({"a": [1, 2, 3]}))


def test_more_cells_than_anyone_opens_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "MAX_CELLS", 5)
    with pytest.raises(TooManyRows, match="more than 5 cells"):
        workbook_of(tmp_path, pl.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}))
