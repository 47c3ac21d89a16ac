"""From text to values: the columns of a chunk, typed as a schema or the data itself says."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import polars as pl

from functions.processing.parsing.dialect import RFC_4180, Dialect


class Kind(StrEnum):
    """What a column holds. The values are JSON Schema's names of the types."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"


POLARS_TYPES: Mapping[Kind, type[pl.DataType]] = {
    Kind.BOOLEAN: pl.Boolean,
    Kind.INTEGER: pl.Int64,
    Kind.NUMBER: pl.Float64,
    Kind.STRING: pl.String,
}

FIRST_TRIED = 50
"""So few values rule out most kinds; to try all of a column's values takes long."""

_TRUTH = {"true": True, "false": False}


class RowCountMismatch(RuntimeError):
    """The parser found another number of rows than the plan did: the blob is not the one that was planned."""


@dataclass(frozen=True)
class Converted:
    """A chunk after conversion.

    `typed` has every row with its typed values, null where a value could not be converted. `bad` is true for the rows
    in which that happened, and `texts` has every row as it was written (null values already null). `lines` are the
    records themselves where they are JSON already.
    """

    typed: pl.DataFrame
    bad: pl.Series
    texts: pl.DataFrame
    lines: Sequence[bytes] | None = None


def read_texts(
    block: bytes, columns: Sequence[str], null_values: Sequence[str], *, rows: int, dialect: Dialect = RFC_4180
) -> pl.DataFrame:
    """Parse whole CSV records (no header) to text columns; the null values become null.

    Raises RowCountMismatch when there are not `rows` of them.
    """
    frame = pl.read_csv(
        io.BytesIO(block),
        has_header=False,
        separator=dialect.delimiter,
        quote_char=dialect.quote,
        schema=dict.fromkeys(columns, pl.String),
        # An empty field that is not quoted comes as null from the parser, whatever it is told.
        null_values=list(null_values) if "" in null_values else None,
    )
    if frame.height != rows:
        raise RowCountMismatch(f"{frame.height} rows where {rows} were planned")
    if "" in null_values:
        return frame
    return frame.with_columns(pl.all().fill_null("").replace(list(null_values), [None] * len(null_values)))


def convert(texts: pl.DataFrame, kinds: Mapping[str, Kind]) -> Converted:
    """Convert each column to its kind; a column without one stays text."""
    typed = [_cast(texts[name], kinds.get(name, Kind.STRING)) for name in texts.columns]
    bad = pl.Series("bad", [False] * texts.height, dtype=pl.Boolean)
    for column in typed:
        if column.null_count() != texts[column.name].null_count():
            bad = bad | (column.is_null() & texts[column.name].is_not_null())
    return Converted(pl.DataFrame(typed), bad, texts)


def values_of(chunk: Converted, index: int) -> dict[str, Any]:
    """One row as the schema check is to see it: typed, and the text itself where conversion failed."""
    typed, texts = chunk.typed.row(index, named=True), chunk.texts.row(index, named=True)
    return {name: texts[name] if typed[name] is None else typed[name] for name in typed}


def narrowest(texts: pl.DataFrame) -> dict[str, Kind]:
    """The narrowest kind that every value of each column fits; a column of nulls only is left out."""
    kinds: dict[str, Kind] = {}
    for name in texts.columns:
        column = texts[name]
        if column.null_count() < len(column):
            kinds[name] = next(kind for kind in Kind if _fits(column.head(FIRST_TRIED), kind) and _fits(column, kind))
    return kinds


def _fits(column: pl.Series, kind: Kind) -> bool:
    return _cast(column, kind).null_count() == column.null_count()


def widest(one: Kind, other: Kind) -> Kind:
    """The narrowest kind that holds the values of both."""
    if one is other:
        return one
    return Kind.NUMBER if {one, other} == {Kind.INTEGER, Kind.NUMBER} else Kind.STRING


def kinds_of_schema(schema: Mapping[str, Any]) -> dict[str, Kind]:
    """The kind of each property of a JSON Schema, by its `type` (null aside).

    A property that may be a string, or has no type, is text; one that may be integer or number is a number.
    """
    properties: Mapping[str, Any] = schema.get("properties") or {}
    return {name: _kind(_resolve(schema, definition)) for name, definition in properties.items()}


def _kind(definition: Any) -> Kind:
    given = definition.get("type", "string") if isinstance(definition, Mapping) else "string"
    names = {given} if isinstance(given, str) else set(given)
    names.discard("null")
    if names in ({"integer"}, {"boolean"}, {"number"}):
        return Kind(names.pop())
    return Kind.NUMBER if names == {"integer", "number"} else Kind.STRING


def _resolve(schema: Mapping[str, Any], definition: Any) -> Any:
    """Follow one local reference (`#/$defs/name`); any other definition is returned as it is."""
    if not isinstance(definition, Mapping) or not str(definition.get("$ref", "")).startswith("#/"):
        return definition
    target: Any = schema
    for part in definition["$ref"][2:].split("/"):
        target = target.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, Mapping) else {}
    return target


def _cast(column: pl.Series, kind: Kind) -> pl.Series:
    if kind is Kind.STRING:
        return column
    if kind is Kind.BOOLEAN:
        return column.str.to_lowercase().replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    numbers = column.cast(POLARS_TYPES[kind], strict=False)
    if kind is Kind.NUMBER:
        # JSON has no infinity and no NaN (RFC 8259 section 6).
        numbers = numbers.to_frame().select(pl.when(pl.first().is_finite()).then(pl.first())).to_series()
    return numbers.alias(column.name)
