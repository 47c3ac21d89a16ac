"""A chart as an SVG picture, made by Vega-Lite without a browser and without the network."""

from functools import cache
from typing import Any

import vl_convert

from functions.reporting.rendering.chart_data import ChartData
from functions.reporting.rendering.fonts import FAMILY, font_folder

PALETTE = (
    "#1f5a96", "#e07b39", "#3a9d7c", "#b8456b", "#7a6fb3", "#c9a227",
    "#4aa3c7", "#8c5a3c", "#6b8e3d", "#a35fa0", "#5f6b7a", "#d1495b",
)  # fmt: skip
INK, FAINT = "#1d2733", "#d9dfe6"
WIDTH_PX, LINE_HEIGHT_PX, MAX_TICKS = 620, 250, 31
_MARKS: dict[str, dict[str, Any]] = {
    "bar": {"type": "bar", "cornerRadiusEnd": 2},
    "line": {"type": "line", "strokeWidth": 2, "interpolate": "monotone", "point": {"size": 22}},
    "area": {"type": "area", "opacity": 0.85},
    "heatmap": {"type": "rect"},
}
_SCALES = {"category": "nominal", "number": "quantitative", "time": "temporal"}


def chart_svg(data: ChartData) -> str:
    """The picture, text as text in the report's typeface.

    Column names and values stand in the data only, never in the specification, so none is taken for an expression.
    """
    _use_fonts()
    svg: str = vl_convert.vegalite_to_svg(specification(data), config=_CONFIG, allowed_base_urls=[])
    return svg


def specification(data: ChartData) -> dict[str, Any]:
    """The Vega-Lite specification, with its data inline."""
    build = {"heatmap": _heatmap, "bar": _bars}.get(data.type, _lines)
    values = [
        {"x": point, "s": name, "y": row[index]}
        for name, row in zip(data.series, data.values, strict=True)
        for index, point in enumerate(data.points)
        if row[index] is not None
    ]
    return {"data": {"values": values}, "mark": _MARKS[data.type], **build(data)}


def _bars(data: ChartData) -> dict[str, Any]:
    value = {"field": "y", "type": "quantitative", "axis": _value_axis(data.y_title), "stack": None}
    if data.series_title is not None:
        return {
            "width": WIDTH_PX,
            "height": LINE_HEIGHT_PX,
            "encoding": {
                "x": {"field": "x", "type": "ordinal", "sort": None, "axis": _axis(data.x_title)},
                "xOffset": {"field": "s"},
                "y": value,
                "color": _colour(data),
            },
        }
    if data.x_kind == "category":
        names = {"field": "x", "type": "nominal", "sort": None, "axis": {**_axis(None), "labelLimit": 220}}
        encoding = {"y": names, "x": value}
        return {"width": WIDTH_PX - 150, "height": {"step": 17}, "encoding": encoding}
    encoding = {"x": {"field": "x", "type": "ordinal", "sort": None, "axis": _axis(data.x_title)}, "y": value}
    return {"width": WIDTH_PX, "height": LINE_HEIGHT_PX, "encoding": encoding}


def _lines(data: ChartData) -> dict[str, Any]:
    scale = _SCALES[data.x_kind]
    x: dict[str, Any] = {"field": "x", "type": scale, "axis": _axis(data.x_title), "scale": {"nice": False}}
    if data.x_kind == "category":
        x = {"field": "x", "type": "ordinal", "sort": None, "axis": _axis(data.x_title)}
    elif data.x_kind == "number" and len(data.points) <= MAX_TICKS:
        x["axis"] = {**_axis(data.x_title), "values": list(data.points), "format": "~g"}
    encoding: dict[str, Any] = {
        "x": x,
        "y": {"field": "y", "type": "quantitative", "axis": _value_axis(data.y_title)},
    }
    if data.series_title is not None:
        encoding["color"] = _colour(data)
    return {"width": WIDTH_PX, "height": LINE_HEIGHT_PX, "encoding": encoding}


def _heatmap(data: ChartData) -> dict[str, Any]:
    crosses_zero = any(value is not None and value < 0 for row in data.values for value in row)
    colours = {"scheme": "blueorange", "domainMid": 0} if crosses_zero else {"scheme": "blues"}
    return {
        "width": {"step": max(18, min(52, WIDTH_PX // max(1, len(data.points))))},
        "height": {"step": 15},
        "encoding": {
            "x": {"field": "x", "type": "ordinal", "sort": None, "axis": {**_axis(data.x_title), "labelAngle": 0}},
            "y": {"field": "s", "type": "nominal", "sort": None, "axis": {**_axis(None), "labelLimit": 220}},
            "color": {
                "field": "y",
                "type": "quantitative",
                "scale": colours,
                "legend": {"title": data.y_title, "format": ",~r", "gradientLength": 160},
            },
        },
    }


def _axis(title: str | None) -> dict[str, Any]:
    return {"title": title, "grid": False}


def _value_axis(title: str) -> dict[str, Any]:
    return {"title": title, "format": ",~r", "tickCount": 6}


def _colour(data: ChartData) -> dict[str, Any]:
    return {"field": "s", "type": "nominal", "sort": None, "legend": {"title": data.series_title}}


@cache
def _use_fonts() -> None:
    vl_convert.register_font_directory(str(font_folder()))


_CONFIG: dict[str, Any] = {
    "font": FAMILY,
    "background": None,
    "view": {"stroke": None},
    "mark": {"color": PALETTE[0]},
    "range": {"category": list(PALETTE)},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": 600,
        "gridColor": FAINT,
        "domainColor": FAINT,
        "tickColor": FAINT,
        "labelPadding": 5,
        "titlePadding": 8,
    },
    "legend": {"labelColor": INK, "titleColor": INK, "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": 600},
    "scale": {"barBandPaddingInner": 0.25, "rectBandPaddingInner": 0.04},
}
