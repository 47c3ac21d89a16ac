"""A result in the format that is asked for; every number keeps its full precision."""

import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
import polars as pl

from functions.processing.schemas import ResultFormat

MEDIA_TYPES: dict[ResultFormat, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


def render(parquet: bytes, wanted: ResultFormat) -> bytes:
    """The result as CSV (RFC 4180, line feeds, empty for null), as a JSON array of objects, or as it is stored."""
    if wanted == "parquet":
        return parquet
    frame = pl.read_parquet(io.BytesIO(parquet))
    if wanted == "json":
        return orjson.dumps(frame.to_dicts(), default=_json_value)
    # Polars writes the shortest text that reads back as the same number, as repr does.
    return _flat(frame).write_csv().encode("utf-8")


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists and structures as JSON texts: CSV has neither."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return frame.with_columns(
        pl.Series(
            name, [None if v is None else orjson.dumps(v, default=_json_value).decode() for v in frame[name].to_list()]
        )
        for name in nested
    )


def _json_value(value: Any) -> Any:
    """What JSON has no type for: whole decimals as numbers while they fit, else as text."""
    if isinstance(value, Decimal):
        return float(value) if value == Decimal(float(value)) else str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
