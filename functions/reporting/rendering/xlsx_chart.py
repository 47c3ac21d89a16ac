"""The chart sheet of the workbook: its numbers, and a native chart over them that follows when they are changed."""

from typing import Any

from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from functions.reporting.rendering.chart_data import ChartData
from functions.reporting.rendering.colours import PALETTE
from functions.reporting.rendering.number_text import excel_format
from functions.reporting.rendering.xlsx_heatmap import write_heatmap

SHEET = "Chart"
_COLUMNS: dict[str, dict[str, str]] = {
    "bar": {"type": "column"},
    "line": {"type": "line"},
    "area": {"type": "area"},
}


def write_chart(workbook: Workbook, data: ChartData) -> None:
    """Add the sheet.

    A heatmap is a table of coloured cells under its title, laid out as in the PDF. For anything else the numbers stand
    points down, series across, with a native chart beside them.
    """
    sheet = workbook.add_worksheet(SHEET)
    if data.type == "heatmap":
        write_heatmap(workbook, sheet, data)
        return
    _write_matrix(workbook, sheet, data)
    last_row, last_column = len(data.points), len(data.series)
    # Ranked bars read best lying down, as in the PDF.
    lying = data.type == "bar" and data.series_title is None and data.x_kind == "category"
    chart: Any = workbook.add_chart({"type": "bar"} if lying else _COLUMNS[data.type])
    for index in range(last_column):
        colour = PALETTE[index % len(PALETTE)]
        chart.add_series(
            {
                "name": [SHEET, 0, index + 1],
                "categories": [SHEET, 1, 0, last_row, 0],
                "values": [SHEET, 1, index + 1, last_row, index + 1],
                "fill": {"color": colour},
                "line": {"color": colour, "width": 2},
                "gap": 60,
            }
        )
    chart.set_title({"name": data.title, "name_font": {"size": 14}, "overlay": False})
    chart.set_x_axis({"name": data.y_title if lying else data.x_title, "num_format": "#,##0" if lying else "General"})
    chart.set_y_axis(_value_axis(data, lying))
    chart.set_legend({"none": True} if last_column == 1 else {"position": "bottom"})
    chart.set_size({"width": 900, "height": max(420, 24 * last_row) if lying else 420})
    sheet.insert_chart(1, last_column + 2, chart, {"description": data.title})


def _value_axis(data: ChartData, lying: bool) -> dict[str, Any]:
    if lying:
        return {"reverse": True}
    return {
        "name": data.y_title,
        "num_format": "#,##0",
        "major_gridlines": {"visible": True, "line": {"color": "#D9DFE6"}},
    }


def _write_matrix(workbook: Workbook, sheet: Worksheet, data: ChartData) -> None:
    header = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "bottom"})
    number = workbook.add_format({"num_format": excel_format(data.decimals)})
    sheet.set_column(0, 0, min(40, max(12, *(len(str(point)) + 2 for point in data.points))) if data.points else 12)
    sheet.set_column(1, max(1, len(data.series)), 14)
    sheet.freeze_panes(1, 1)
    sheet.write_string(0, 0, data.x_title, header)
    for index, name in enumerate(data.series):
        sheet.write_string(0, index + 1, name, header)
    for row, point in enumerate(data.points, start=1):
        if isinstance(point, str):
            sheet.write_string(row, 0, point)
        else:
            sheet.write_number(row, 0, point)
        for column, values in enumerate(data.values, start=1):
            value = values[row - 1]
            if value is not None:
                sheet.write_number(row, column, value, number)
