"""The result as an Excel workbook: typed cells, a frozen filtered header, number formats, a native chart."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from functions.reporting.errors import TooManyRows
from functions.reporting.rendering.chart_data import ChartData
from functions.reporting.rendering.number_text import decimals_of, excel_format, heading_lines
from functions.reporting.rendering.result import ResultTable
from functions.reporting.rendering.summary import Profile
from functions.reporting.rendering.xlsx_chart import write_chart

MAX_ROWS = 1_048_575
"""Rows of a worksheet below its header (ECMA-376, as Excel limits it)."""
MAX_CELLS = 20_000_000
"""What is written in two minutes of one core (170,000 cells a second, measured); more would not be opened either."""
MAX_TEXT = 32_767
EXACT_INTEGER = 2**53
SAMPLE_ROWS, SLICE_ROWS = 1_000, 20_000
ACCENT = "#1F5A96"
LINE_HEIGHT = 15


@dataclass(frozen=True)
class Properties:
    """The workbook's document properties; `created` is when the report was asked for."""

    title: str
    subtitle: str
    author: str
    created: datetime


def write_xlsx(
    table: ResultTable, profiles: tuple[Profile, ...], chart: ChartData | None, properties: Properties, path: Path
) -> None:
    """Write the workbook a slice of rows at a time; texts stay texts, whatever they start with.

    Raises TooManyRows when the result is longer than a worksheet.
    """
    if table.rows > MAX_ROWS:
        raise TooManyRows(f"a worksheet holds {MAX_ROWS:,} rows, the result has {table.rows:,}; ask for CSV instead")
    if table.rows * len(profiles) > MAX_CELLS:
        raise TooManyRows(f"the result has more than {MAX_CELLS:,} cells; ask for CSV instead")
    # Rows go to disk as they are written; no text is taken for a number, a link or a formula.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as workbook:
        workbook.set_properties(
            {
                "title": properties.title,
                "subject": properties.subtitle,
                "author": properties.author,
                "created": properties.created.astimezone(UTC).replace(tzinfo=None),
            }
        )
        _write_data(workbook, table, profiles)
        if chart is not None:
            write_chart(workbook, chart)


def _write_data(workbook: Workbook, table: ResultTable, profiles: tuple[Profile, ...]) -> None:
    sheet = workbook.add_worksheet("Data")
    header = workbook.add_format(
        {"bold": True, "font_color": "#FFFFFF", "bg_color": ACCENT, "valign": "vcenter", "text_wrap": True}
    )
    sample = table.head(SAMPLE_ROWS)
    formats = [_number_format(workbook, profile, sample[profile.column.name]) for profile in profiles]
    headings = [heading_lines(profile.column.label, _shown(sample[profile.column.name])) for profile in profiles]
    for index, profile in enumerate(profiles):
        sheet.set_column(index, index, _width(headings[index], _shown(sample[profile.column.name])), formats[index])
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    if profiles:
        sheet.autofilter(0, 0, table.rows, len(profiles) - 1)
    sheet.set_row(0, 7 + LINE_HEIGHT * max(map(len, headings), default=1))
    for index, profile in enumerate(profiles):
        sheet.write_string(0, index, profile.column.label, header)
    _write_rows(sheet, table, formats)


def _write_rows(sheet: Worksheet, table: ResultTable, formats: list[Format]) -> None:
    row = 0
    for part in table.slices(SLICE_ROWS):
        for values in part.iter_rows():
            row += 1
            for index, value in enumerate(values):
                _write_cell(sheet, row, index, value, formats[index])


def _write_cell(sheet: Worksheet, row: int, column: int, value: Any, form: Format) -> None:
    if value is None:
        sheet.write_blank(row, column, None, form)
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value, form)
    elif isinstance(value, int | float | Decimal):
        _write_number(sheet, row, column, value, form)
    elif isinstance(value, datetime):
        # A worksheet knows no time zone: an instant is shown in UTC.
        plain = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        sheet.write_datetime(row, column, plain, form)
    elif isinstance(value, date | time):
        moment: Any = value
        sheet.write_datetime(row, column, moment, form)
    else:
        text = str(value)
        sheet.write_string(row, column, text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…", form)


def _write_number(sheet: Worksheet, row: int, column: int, value: float | Decimal, form: Format) -> None:
    if not isfinite(value):
        sheet.write_string(row, column, "NaN" if value != value else str(value), form)
    elif isinstance(value, int) and abs(value) > EXACT_INTEGER:
        # Excel keeps 15 digits; a longer id would come back as another one.
        sheet.write_string(row, column, str(value), form)
    else:
        sheet.write_number(row, column, float(value) if isinstance(value, Decimal) else value, form)


def _number_format(workbook: Workbook, profile: Profile, sample: pl.Series) -> Format:
    return workbook.add_format({"num_format": number_format(profile, sample), "valign": "top"})


def number_format(profile: Profile, sample: pl.Series) -> str:
    """Excel's format for a column: thousands separators for measures, none for years and ids, decimals as needed."""
    match profile.column.kind:
        case "integer":
            return "0" if profile.names else "#,##0"
        case "number":
            decimals = decimals_of(sample.cast(pl.Float64).to_list()) if sample.len() else 2
            return excel_format(decimals)
        case "date":
            return "yyyy-mm-dd"
        case "datetime":
            return "yyyy-mm-dd hh:mm:ss"
        case "time":
            return "hh:mm:ss"
        case _:
            return "General"


def _shown(sample: pl.Series) -> int:
    """How many characters the longest value shows, about."""
    longest = sample.cast(pl.String, strict=False).str.len_chars().max() if sample.len() else 0
    most = 12 if sample.dtype.is_float() else 17 if sample.dtype.is_numeric() else 60
    return min(int(longest), most) if isinstance(longest, int) else 0


def _width(heading: list[str], shown: int) -> float:
    # Three characters beside the heading for the filter's button.
    return float(max(8, min(60, max(max(map(len, heading)) + 3, shown + 2))))
