"""Depth and replicas over time, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vl_convert

from local.scaler.scaling import Look

WIDTH, HEIGHT = 760, 110
SUBTITLE = "above: what the triggers saw; below: processes that serve (green), processes that the rules want (dashed)"


def draw(looks: Sequence[Look], file: Path) -> None:
    """A PNG with two panels for each service whose processes changed in number: what waited, and how many."""
    by_service = {name: [look for look in looks if look.service == name] for name in {look.service for look in looks}}
    changed = sorted(
        name for name, own in by_service.items() if len({(look.replicas, look.wanted) for look in own}) > 1
    )
    panels = [panel for service in changed for panel in _panels(service, by_service[service])]
    nothing = {"mark": "text", "data": {"values": [{}]}, "encoding": {"text": {"value": "no work: nothing was scaled"}}}
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "title": {"text": "Scaling by the rules of keda/overlays/dev", "subtitle": SUBTITLE},
        "vconcat": panels or [nothing],
        "resolve": {"scale": {"color": "independent"}},
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(vl_convert.vegalite_to_png(spec, scale=1.5))


def _panels(service: str, looks: Sequence[Look]) -> list[dict[str, Any]]:
    seen = {name for look in looks for name, value in look.values.items() if value} or set(looks[0].values)
    values = [
        {"at": look.at_s, "trigger": name, "value": value}
        for look in looks
        for name, value in look.values.items()
        if name in seen
    ]
    counts = [{"at": look.at_s, "replicas": look.replicas, "wanted": look.wanted} for look in looks]
    most = max(max(look.replicas, look.wanted) for look in looks)
    scale = {"domain": [0, most + 0.5]}
    return [
        {
            "width": WIDTH,
            "height": HEIGHT,
            "title": {"text": service, "anchor": "start"},
            "data": {"values": values},
            "mark": {"type": "line", "interpolate": "step-after"},
            "encoding": {
                "x": _time(labels=False),
                "y": {"field": "value", "type": "quantitative", "title": ["messages waiting,", "requests/s"]},
                "color": {"field": "trigger", "type": "nominal", "title": "trigger"},
            },
        },
        {
            "width": WIDTH,
            "height": HEIGHT,
            "data": {"values": counts},
            "layer": [
                {
                    "mark": {"type": "area", "interpolate": "step-after", "opacity": 0.35, "color": "#2e7d32"},
                    "encoding": {"x": _time(labels=True), "y": {**_count("replicas"), "scale": scale}},
                },
                {
                    "mark": {"type": "line", "interpolate": "step-after", "strokeDash": [4, 3], "color": "#555"},
                    "encoding": {"x": _time(labels=True), "y": {**_count("wanted"), "scale": scale}},
                },
            ],
        },
    ]


def _time(*, labels: bool) -> dict[str, Any]:
    field: dict[str, Any] = {"field": "at", "type": "quantitative", "scale": {"nice": False}}
    shown = {"title": "seconds (the rules' time)"} if labels else {"axis": {"labels": False, "title": None}}
    return {**field, **shown}


def _count(field: str) -> dict[str, Any]:
    axis = {"tickMinStep": 1, "format": "d"}
    return {"field": field, "type": "quantitative", "title": "processes", "axis": axis}
