"""Replicas and cost by load, as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import vl_convert

from local.capacity.check import Comparison
from local.capacity.report import Answer

_Sides = Mapping[str, Mapping[float, float]]


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
        "title": "What so many times today's load needs, and costs (local/capacity/today.yaml, azure.yaml)",
        "resolve": {"scale": {"color": "independent"}},
        "hconcat": [
            _bars(replicas, "replicas", "service", "replicas at the day's peak", order, grouped=True),
            _bars(cost, "cost", "part", "US dollars a month (list prices)", order, grouped=False),
        ],
    }
    file.write_bytes(vl_convert.vegalite_to_png(spec, scale=1.5))


def draw_comparison(found: Comparison, file: Path) -> None:
    """A PNG of the replicas over time, and of what waited, each as it was seen and as it was predicted."""
    replicas: _Sides = {"seen": found.seen, "predicted": found.predicted}
    depth: _Sides = {"seen": found.depth_seen, "predicted": found.depth_predicted}
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "title": {
            "text": "Notification under load: the local scaler, and the simulation of the same arrivals",
            "subtitle": f"replicas: mean |predicted - seen| is {found.difference:.1%} of the mean seen",
        },
        "vconcat": [
            _steps(replicas, "replicas that serve", last=False),
            _steps(depth, "deliveries waiting, as KEDA counts", last=True),
        ],
    }
    file.write_bytes(vl_convert.vegalite_to_png(spec, scale=1.5))


def _steps(sides: _Sides, title: str, *, last: bool) -> dict[str, Any]:
    values: list[dict[str, Any]] = [
        {"at": at, "value": value, "side": side} for side, steps in sides.items() for at, value in steps.items()
    ]
    most = max((entry["value"] for entry in values), default=0)
    return {
        "width": 760,
        "height": 180,
        "data": {"values": values},
        "mark": {"type": "line", "interpolate": "step-after"},
        "encoding": {
            "x": {
                "field": "at",
                "type": "quantitative",
                "title": "seconds (the rules' time)" if last else None,
                "scale": {"nice": False},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": title,
                "axis": {"tickMinStep": 1},
                "scale": {"domain": [0, most + 1]},
            },
            "color": {"field": "side", "type": "nominal", "title": None, "scale": {"domain": ["seen", "predicted"]}},
            "strokeDash": {
                "field": "side",
                "type": "nominal",
                "title": None,
                "scale": {"domain": ["seen", "predicted"]},
            },
        },
    }


def _bars(
    values: list[dict[str, Any]], what: str, by: str, title: str, order: list[str], *, grouped: bool
) -> dict[str, Any]:
    times = {"field": "times", "type": "nominal", "sort": order, "title": "today's load", "axis": {"labelAngle": 0}}
    encoding: dict[str, Any] = {
        "x": times,
        "y": {"field": what, "type": "quantitative", "title": title},
        "color": {"field": by, "type": "nominal", "title": by},
    }
    if grouped:
        encoding["xOffset"] = {"field": by, "type": "nominal"}
    return {"width": 420, "height": 300, "data": {"values": values}, "mark": "bar", "encoding": encoding}
