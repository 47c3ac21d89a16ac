"""Replicas and cost by load, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vl_convert

from local.capacity.check import Comparison
from local.capacity.report import Answer


def draw(answers: Sequence[Answer], file: Path) -> None:
    """A PNG with two panels: the most replicas of each service in a day, and the cost by its parts."""
    replicas = [
        {"times": f"{found.times:g}x", "service": line.service, "replicas": line.most_replicas}
        for found in answers
        for line in found.lines
        if line.scenario == "day"
    ]
    cost = [
        {"times": f"{found.times:g}x", "part": part, "cost": value}
        for found in answers
        for part, value in found.cost.items()
    ]
    order = [f"{found.times:g}x" for found in answers]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "hconcat": [
            _bars(replicas, "replicas", "service", "replicas at the day's peak", order, grouped=True),
            _bars(cost, "cost", "part", "US dollars a month (list prices)", order, grouped=False),
        ],
    }
    file.write_bytes(vl_convert.vegalite_to_png(spec, scale=1.5))


def draw_comparison(found: Comparison, file: Path) -> None:
    """A PNG of the replicas over time that were seen and that were predicted."""
    sides = {"seen": found.seen, "predicted": found.predicted}
    values = [{"at": at, "replicas": n, "side": side} for side, steps in sides.items() for at, n in steps.items()]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "width": 760,
        "height": 220,
        "data": {"values": values},
        "mark": {"type": "line", "interpolate": "step-after"},
        "encoding": {
            "x": {"field": "at", "type": "quantitative", "title": "seconds of the rules"},
            "y": {"field": "replicas", "type": "quantitative"},
            "color": {"field": "side", "type": "nominal", "title": None},
        },
    }
    file.write_bytes(vl_convert.vegalite_to_png(spec, scale=1.5))


def _bars(
    values: list[dict[str, Any]], what: str, by: str, title: str, order: list[str], *, grouped: bool
) -> dict[str, Any]:
    times = {"field": "times", "type": "nominal", "sort": order, "title": "today's load", "axis": {"labelAngle": 0}}
    encoding: dict[str, Any] = {
        "x": times,
        "y": {"field": what, "type": "quantitative", "title": title},
        "color": {"field": by, "type": "nominal", "title": None},
    }
    if grouped:
        encoding["xOffset"] = {"field": by, "type": "nominal"}
    return {"width": 420, "height": 300, "data": {"values": values}, "mark": "bar", "encoding": encoding,
            "resolve": {"scale": {"color": "independent"}}}  # fmt: skip
