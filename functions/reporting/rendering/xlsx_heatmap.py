"""A heatmap in the workbook: a table whose cells follow the colour scale, also when a number is changed."""

from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from functions.reporting.rendering.chart_data import ChartData
from functions.reporting.rendering.colours import scale_of
from functions.reporting.rendering.number_text import excel_format

TITLE_ROW, HEADER_ROW, FIRST_ROW = 0, 2, 3
NAMES_WIDTH = 60


def write_heatmap(workbook: Workbook, sheet: Worksheet, data: ChartData) -> None:
    """Write title, points across, series down, and the scale over the numbers."""
    header = workbook.add_format({"bold": True, "bottom": 1, "align": "center"})
    corner = workbook.add_format({"bold": True, "bottom": 1})
    _set_page(sheet, data)
    sheet.write_string(TITLE_ROW, 0, data.title, workbook.add_format({"bold": True, "font_size": 14}))
    sheet.write_string(HEADER_ROW - 1, 1, data.x_title, workbook.add_format({"bold": True}))
    sheet.write_string(HEADER_ROW, 0, data.series_title or "", corner)
    for column, point in enumerate(data.points, start=1):
        if isinstance(point, str):
            sheet.write_string(HEADER_ROW, column, point, header)
        else:
            sheet.write_number(HEADER_ROW, column, point, header)
    _write_numbers(workbook, sheet, data)
    last_row = FIRST_ROW + max(1, len(data.series)) - 1
    sheet.conditional_format(FIRST_ROW, 1, last_row, max(1, len(data.points)), _scale(data))


def _set_page(sheet: Worksheet, data: ChartData) -> None:
    longest = max(len(name) for name in (*data.series, data.series_title or ""))
    sheet.set_column(0, 0, min(NAMES_WIDTH, longest + 2))
    sheet.set_column(1, max(1, len(data.points)), max([8, *(len(str(point)) + 2 for point in data.points)]))
    sheet.freeze_panes(FIRST_ROW, 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _write_numbers(workbook: Workbook, sheet: Worksheet, data: ChartData) -> None:
    number: Format = workbook.add_format({"num_format": excel_format(data.decimals), "align": "center"})
    for row, (name, values) in enumerate(zip(data.series, data.values, strict=True), start=FIRST_ROW):
        sheet.write_string(row, 0, name)
        for column, value in enumerate(values, start=1):
            if value is not None:
                sheet.write_number(row, column, value, number)


def _scale(data: ChartData) -> dict[str, Any]:
    stops = scale_of(data)
    ends = {"min_color": stops[0][1], "max_color": stops[-1][1]}
    if len(stops) == 2:
        return {"type": "2_color_scale", **ends}
    return {"type": "3_color_scale", **ends, "mid_type": "num", "mid_value": 0, "mid_color": stops[1][1]}
