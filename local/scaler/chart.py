"""Depth and replicas over time, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vl_convert

from local.scaler.scaling import Look

WIDTH, HEIGHT = 760, 110


def draw(looks: Sequence[Look], file: Path) -> None:
    """A PNG with two panels for each service that had work: what waited, and how many processes there were."""
    busy = sorted({look.service for look in looks if any(look.values.values()) or look.replicas != 1})
    panels = [
        panel for service in busy for panel in _panels(service, [look for look in looks if look.service == service])
    ]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "title": "Scaling by the rules of the dev overlay",
        "vconcat": panels or [{"mark": "text", "data": {"values": [{}]}, "encoding": {"text": {"value": "no work"}}}],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(vl_convert.vegalite_to_png(spec, scale=1.5))


def _panels(service: str, looks: Sequence[Look]) -> list[dict[str, Any]]:
    times = {"field": "at", "type": "quantitative", "title": "seconds"}
    seen = {name for look in looks for name, value in look.values.items() if value}
    values = [
        {"at": look.at_s, "trigger": name, "value": value}
        for look in looks
        for name, value in look.values.items()
        if name in seen
    ]
    counts = [{"at": look.at_s, "replicas": look.replicas, "wanted": look.wanted} for look in looks]
    return [
        {
            "width": WIDTH,
            "height": HEIGHT,
            "title": {"text": service, "anchor": "start"},
            "data": {"values": values},
            "mark": {"type": "line", "interpolate": "step-after"},
            "encoding": {
                "x": {**times, "axis": {"labels": False, "title": None}},
                "y": {"field": "value", "type": "quantitative", "title": "waiting, requests/s"},
                "color": {"field": "trigger", "type": "nominal", "title": None},
            },
        },
        {
            "width": WIDTH,
            "height": HEIGHT,
            "data": {"values": counts},
            "layer": [
                {
                    "mark": {"type": "area", "interpolate": "step-after", "opacity": 0.35, "color": "#2e7d32"},
                    "encoding": {"x": times, "y": {"field": "replicas", "type": "quantitative", "title": "replicas"}},
                },
                {
                    "mark": {"type": "line", "interpolate": "step-after", "strokeDash": [4, 3], "color": "#555"},
                    "encoding": {"x": times, "y": {"field": "wanted", "type": "quantitative"}},
                },
            ],
        },
    ]
