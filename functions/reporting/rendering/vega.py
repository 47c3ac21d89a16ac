"""A chart as an SVG picture, made by Vega-Lite without a browser and without the network."""

from functools import cache
from textwrap import wrap
from typing import Any

import vl_convert

from functions.reporting.rendering.chart_data import ChartData
from functions.reporting.rendering.colours import INK, PALETTE, dark_fields, scale_of
from functions.reporting.rendering.fonts import FAMILY, font_folder

FAINT = "#d9dfe6"
WIDTH_PX, LINE_HEIGHT_PX, MAX_TICKS = 620, 250, 31
LABELLED_CELL_PX = 38
"""A heatmap's cell that is as wide as this has room for its number."""
_MARKS: dict[str, dict[str, Any]] = {
    "bar": {"type": "bar", "cornerRadiusEnd": 2},
    "line": {"type": "line", "strokeWidth": 2, "interpolate": "monotone", "point": {"size": 22}},
    "area": {"type": "area", "opacity": 0.85},
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
    mark = {"mark": _MARKS[data.type]} if data.type in _MARKS else {}
    return {"data": {"values": values}, **mark, **build(data)}


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
    width = max(18, min(52, WIDTH_PX // max(1, len(data.points))))
    # Together with the labels as wide as the page, and as high as is left on it.
    height = max(12, min(24, 290 // max(1, len(data.series))))
    return {
        "width": {"step": width},
        "height": {"step": height},
        "encoding": {
            "x": {"field": "x", "type": "ordinal", "sort": None, "axis": {**_axis(data.x_title), "labelAngle": 0}},
            "y": {"field": "s", "type": "nominal", "sort": None, "axis": {**_axis(None), "labelLimit": 220}},
        },
        "layer": [
            {"mark": "rect", "encoding": {"color": _cell_colour(data)}},
            *([_cell_numbers(data)] if width >= LABELLED_CELL_PX else []),
        ],
    }


def _cell_colour(data: ChartData) -> dict[str, Any]:
    domain, colours = zip(*scale_of(data), strict=True)
    return {
        "field": "y",
        "type": "quantitative",
        "scale": {"domain": domain, "range": colours, "interpolate": "rgb"},
        "legend": {"title": wrap(data.y_title, 16), "format": ",~r", "gradientLength": 160, "tickCount": 5},
    }


def _cell_numbers(data: ChartData) -> dict[str, Any]:
    """The numbers in the cells, white on dark ones."""
    below, above = dark_fields(data)
    limits = {"lt": below, "gt": above}
    dark = [{"field": "y", name: limit} for name, limit in limits.items() if limit is not None]
    return {
        "mark": {"type": "text", "fontSize": 9},
        "encoding": {
            "text": {"field": "y", "type": "quantitative", "format": f",.{data.decimals}f"},
            "color": {"value": INK, "condition": {"test": {"or": dark}, "value": "white"}},
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
