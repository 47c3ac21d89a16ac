"""The report's colours, and what colour a heatmap's number has: the same in PDF and XLSX."""

from itertools import chain

from functions.reporting.rendering.chart_data import ChartData

PALETTE = (
    "#1f5a96", "#e07b39", "#3a9d7c", "#b8456b", "#7a6fb3", "#c9a227",
    "#4aa3c7", "#8c5a3c", "#6b8e3d", "#a35fa0", "#5f6b7a", "#d1495b",
)  # fmt: skip
INK = "#1d2733"
NEUTRAL, HIGH, LOW = "#f3f1ec", "#b4511a", "#1f5a96"
PALE, DEEP = "#eaf1f8", "#1f5a96"
DARK_FROM = 0.75
"""From this share of a colour on, white reads better on it than ink (WCAG contrast)."""

Stop = tuple[float, str]


def scale_of(data: ChartData) -> tuple[Stop, ...]:
    """Values with their colours, ascending; between them colours blend.

    Numbers of one sign go from pale to deep. When they cross zero, zero is neutral and both sides gain colour at the
    same pace, so that a small negative number does not look as extreme as a great positive one.
    """
    values = [value for value in chain.from_iterable(data.values) if value is not None] or [0.0]
    low, high = min(values), max(values)
    if low >= 0 or high <= 0:
        ends = (PALE, DEEP) if low >= 0 else (DEEP, PALE)
        return (low, ends[0]), (high if high > low else low + 1, ends[1])
    bound = max(-low, high)
    return (low, blend(NEUTRAL, LOW, -low / bound)), (0.0, NEUTRAL), (high, blend(NEUTRAL, HIGH, high / bound))


def dark_fields(data: ChartData) -> tuple[float | None, float | None]:
    """Below the first and above the second value fields are dark; None where that side has no dark end."""
    stops = scale_of(data)
    low, high = stops[0][0], stops[-1][0]
    if len(stops) > 2:
        limit = DARK_FROM * max(-low, high)
        return -limit, limit
    reach = DARK_FROM * (high - low)
    return (None, low + reach) if stops[-1][1] == DEEP else (high - reach, None)


def blend(start: str, end: str, share: float) -> str:
    """The colour `share` (0 to 1) of the way between two, each `#rrggbb`."""
    pairs = zip(_channels(start), _channels(end), strict=True)
    return "#" + "".join(f"{round(first + (last - first) * share):02x}" for first, last in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
