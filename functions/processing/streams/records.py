"""Messages as typed records: every field checked against the stream's schema."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import isfinite
from typing import Any

import polars as pl
from jsonschema_rs import Validator

from functions.processing.streams.definition import FieldKind, StreamDefinition
from functions.processing.streams.record_schema import InvalidRecord, compiled, refuse_unfit
from functions.processing.streams.windows import microseconds

KEY, START, END = "__key", "__start", "__end"
"""The columns that the engine adds to a record; no field may be called so."""

MAX_KEY_CHARS = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES: dict[FieldKind, Any] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "timestamp": pl.Datetime("us"),
}
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999 in milliseconds."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message's key, event time in microseconds, and values in the order of the reader's columns."""

    key: str
    time: int
    values: tuple[Any, ...]


def schema_of(stream: StreamDefinition) -> dict[str, Any]:
    """The Polars type of each field, then of the engine's own columns."""
    fields = {name: _TYPES[kind] for name, kind in stream.schema_.items()}
    return {**fields, KEY: pl.String(), START: pl.Int64(), END: pl.Int64()}


class RecordReader:
    """Reads the data of messages. `columns` are the fields that the query needs; all fields are checked."""

    def __init__(self, stream: StreamDefinition, columns: tuple[str, ...]) -> None:
        self._time, self._key = stream.event_time, stream.key
        needed = {*stream.required, stream.event_time, *([stream.key] if stream.key else [])}
        self._fields = [(name, _READERS[kind], name in needed) for name, kind in stream.schema_.items()]
        self._columns = tuple(name for name in columns if name in stream.schema_)
        self._max_ahead = microseconds(stream.max_ahead_s)
        self._document = stream.document

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of a record's values."""
        return self._columns

    def read(self, data: Any, now: int) -> Record:
        """The record of a message. `now` is the clock in microseconds. Raises InvalidRecord."""
        if not isinstance(data, Mapping):
            raise InvalidRecord("the message's data is not an object")
        values: dict[str, Any] = {}
        for name, read, is_needed in self._fields:
            value = data.get(name)
            if value is None:
                if is_needed:
                    raise InvalidRecord(f"'{name}' is missing")
                values[name] = None
                continue
            try:
                values[name] = read(value)
            except (ValueError, TypeError, OverflowError) as error:
                raise InvalidRecord(f"'{name}' is {error}") from None
        if self._whole is not None:
            refuse_unfit(self._whole, data)
        time = self._time_of(values[self._time])
        if time > now + self._max_ahead:
            raise InvalidRecord(f"'{self._time}' is too far in the future")
        return Record(self._key_of(values), time, tuple(values[name] for name in self._columns))

    @cached_property
    def _whole(self) -> Validator | None:
        """The schema of metadata, compiled when the first message is read."""
        return None if self._document is None else compiled(self._document)

    def key_of(self, data: Any) -> str:
        """The key of a message that has not been checked; empty where it has none that can be used."""
        value = data.get(self._key) if self._key and isinstance(data, Mapping) else None
        return key_text(value)

    def _key_of(self, values: Mapping[str, Any]) -> str:
        if self._key is None:
            return ""
        key = key_text(values[self._key])
        if len(key) > MAX_KEY_CHARS:
            raise InvalidRecord(f"'{self._key}' is longer than {MAX_KEY_CHARS} characters, too long for a key")
        return key

    @staticmethod
    def _time_of(value: int | datetime) -> int:
        if isinstance(value, int):
            if not _FIRST <= value <= _LAST:
                raise InvalidRecord("the event time is not a number of milliseconds of the years 1 to 9999")
            return value * 1000
        return _since_epoch(value)


def key_text(value: Any) -> str:
    """A key as text, the same for producer and consumer."""
    return "" if value is None else str(value)


def _since_epoch(moment: datetime) -> int:
    gone = moment.replace(tzinfo=UTC) - _EPOCH
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a string")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError("not an integer of 64 bits")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError("not a number")
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("not true or false")
    return value


def _timestamp(value: Any) -> datetime:
    """RFC 3339 with an offset, as UTC without one."""
    if not isinstance(value, str):
        raise ValueError("not a time as text (RFC 3339)")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("not a time (RFC 3339)") from None
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    return moment.astimezone(UTC).replace(tzinfo=None)


_READERS: dict[FieldKind, Callable[[Any], Any]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
}
