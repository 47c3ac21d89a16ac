"""Results as rows of a table, in the order of their start."""

from hashlib import blake2b

import orjson

from chassis.storage.keys import encode_key
from chassis.storage.tables import Row
from functions.processing.streams.state import WindowResult
from functions.processing.streams.windows import Bounds

_ORIGIN = 10**17
"""Added to times in keys, so that those before 1970 sort, too."""

_MAX_KEY_CHARS = 400


def window_key(result: WindowResult, partition: int) -> str:
    """The row key of a window: one for all its panes."""
    return row_key(partition, result.key, (result.start, result.end))


def row_key(partition: int, key: str, bounds: Bounds) -> str:
    """The row key of a window by its key and bounds."""
    if len(encode_key(key)) > _MAX_KEY_CHARS:
        key = blake2b(key.encode(), digest_size=16).hexdigest()
    return f"{time_key(bounds[0])}|{time_key(bounds[1])}|{partition}|{key}"


def time_key(time: int) -> str:
    """A time in a key: in order of time."""
    return f"{max(0, time + _ORIGIN):019d}"


def values_of(result: WindowResult) -> dict[str, object]:
    """The columns of a result."""
    return {
        "key": result.key,
        "start": result.start,
        "end": result.end,
        "pane": result.pane,
        "final": result.final,
        "values": orjson.dumps(result.values, default=str),
    }


def result_of(row: Row) -> WindowResult:
    """The result of a row."""
    return WindowResult(row["key"], row["start"], row["end"], row["pane"], row["final"], orjson.loads(row["values"]))
