"""The report as a PDF that people read: PDF/A-2a and PDF/UA-1, typeset by Typst."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import typst

from functions.reporting.rendering.chart_data import ChartData
from functions.reporting.rendering.fonts import font_folder
from functions.reporting.rendering.number_text import column_texts, heading_lines
from functions.reporting.rendering.result import ResultTable
from functions.reporting.rendering.summary import Figure, Profile
from functions.reporting.rendering.vega import chart_svg

MAX_ROWS, MAX_CELLS, MAX_COLUMNS = 5_000, 20_000, 16
"""What a PDF shows of a table: a tagged cell costs about 50 KB of memory while it is typeset (measured)."""
MAX_CELL_CHARACTERS, LONGEST_WORD = 160, 24
LANDSCAPE_FROM_COLUMNS = 8
STANDARDS = ["a-2a", "ua-1"]
_TEMPLATE = Path(__file__).with_name("report.typ")


@dataclass(frozen=True)
class Front:
    """What stands above the table; `date` is the day the report was asked for, so that a second try looks alike."""

    title: str
    subtitle: str | None
    author: str
    job: str
    date: datetime
    figures: tuple[Figure, ...]
    chart: ChartData | None


def write_pdf(table: ResultTable, profiles: tuple[Profile, ...], front: Front, path: Path) -> int:
    """Write the report and return how many pages it has. The same input gives the same bytes."""
    files: Any = {"main.typ": _TEMPLATE.read_bytes(), "data.json": orjson.dumps(document(table, profiles, front))}
    if front.chart is not None:
        files["chart.svg"] = chart_svg(front.chart).encode()
    stamp = int(front.date.astimezone(UTC).timestamp())
    path.write_bytes(_compile(files, stamp))
    return int(orjson.loads(typst.query(files, "<page-count>", field="value", one=True, **_fonts())))


def _compile(files: dict[str, bytes], stamp: int) -> bytes:
    try:
        return _pdf(files, stamp, STANDARDS)
    except typst.TypstError:
        # The standards forbid a glyph that no font here has; a reader would still rather have the report.
        return _pdf(files, stamp, [])


def _pdf(files: Any, stamp: int, standards: Any) -> bytes:
    made = typst.compile(files, format="pdf", pdf_standards=standards, timestamp=stamp, **_fonts())
    if not isinstance(made, bytes):
        raise TypeError("typst gave no single document")
    return made


def _fonts() -> dict[str, Any]:
    # System fonts stay on as the last resort for scripts that the report's own faces lack.
    return {"font_paths": [str(font_folder())]}


def document(table: ResultTable, profiles: tuple[Profile, ...], front: Front) -> dict[str, Any]:
    """All that the template shows, as plain data: the front, the columns and the cells row by row."""
    shown = profiles[:MAX_COLUMNS]
    limit = max(1, min(MAX_ROWS, MAX_CELLS // max(1, len(shown))))
    frame = table.head(limit).select([p.column.name for p in shown])
    texts = [column_texts(frame[p.column.name].to_list(), grouped=not p.names) for p in shown]
    landscape = len(shown) >= LANDSCAPE_FROM_COLUMNS
    return {
        **_front(front, landscape),
        "landscape": landscape,
        "textSize": 8.5 if len(shown) <= 10 else 7,
        "columns": [_column(p, text) for p, text in zip(shown, texts, strict=True)],
        "cells": [None if text is None else breakable(text) for row in zip(*texts, strict=True) for text in row],
        "note": _note(table, frame, len(profiles)),
        "pageBreak": landscape and front.chart is not None,
    }


def _front(front: Front, landscape: bool) -> dict[str, Any]:
    day = front.date.astimezone(UTC)
    return {
        "title": breakable(front.title),
        "runningTitle": front.title if len(front.title) <= 90 else front.title[:89] + "…",
        "subtitle": breakable(front.subtitle) if front.subtitle else None,
        "author": front.author,
        "description": front.subtitle or front.title,
        "keywords": ["report", front.job],
        "date": [day.year, day.month, day.day],
        "dateText": f"{day.day} {day:%B %Y}",
        "source": f"Job {front.job}",
        "figures": [{"label": figure.label, "value": figure.value} for figure in front.figures],
        "chart": _chart(front.chart, landscape) if front.chart is not None else None,
    }


def _chart(chart: ChartData, landscape: bool) -> dict[str, Any]:
    alt = f"Chart: {chart.title}. {len(chart.points)} points, {len(chart.series)} series."
    notes = [f"{chart.left_out.capitalize()}."] if chart.left_out else []
    if chart.type == "heatmap" and any(value is None for row in chart.values for value in row):
        notes.append("An empty field has no data.")
    note = " ".join(notes) or None
    return {"title": chart.title, "alt": alt, "note": note, "height": 102 if landscape else 118}


def _column(profile: Profile, texts: list[str | None]) -> dict[str, Any]:
    longest = max((len(text) for text in texts if text is not None), default=0)
    numeric = profile.column.is_numeric
    lines = [breakable(line) for line in heading_lines(profile.column.label, longest)]
    return {"heading": lines, "numeric": numeric, "wide": not numeric and longest > LONGEST_WORD}


def _note(table: ResultTable, frame: pl.DataFrame, columns: int) -> str | None:
    parts = []
    if frame.height < table.rows:
        parts.append(f"the first {frame.height:,} of {table.rows:,} rows")
    if columns > MAX_COLUMNS:
        parts.append(f"the first {MAX_COLUMNS} of {columns} columns")
    return f"This document shows {' and '.join(parts)}; the CSV and XLSX files have all of them." if parts else None


def breakable(text: str) -> str:
    """The text cut to a cell's length, with room to break in words that would not fit a line."""
    cut = text if len(text) <= MAX_CELL_CHARACTERS * 2 else text[: MAX_CELL_CHARACTERS * 2 - 1] + "…"
    words = cut.replace("\r", " ").replace("\n", " ").replace("\t", " ").split(" ")
    return " ".join(_split(word) for word in words)


def _split(word: str) -> str:
    if len(word) <= LONGEST_WORD:
        return word
    return "\u200b".join(word[start : start + LONGEST_WORD] for start in range(0, len(word), LONGEST_WORD))
