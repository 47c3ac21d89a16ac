"""The result of a job as a table of plain columns, read from Parquet a slice at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import orjson
import polars as pl

from functions.reporting.errors import UnknownColumn

Kind = Literal["integer", "number", "text", "boolean", "date", "datetime", "time"]
NUMERIC: frozenset[Kind] = frozenset({"integer", "number"})


@dataclass(frozen=True)
class Column:
    """A column of the result and what its values are."""

    name: str
    kind: Kind
    given_label: str | None = None

    @property
    def label(self) -> str:
        """Its heading: the one given, or else the words of its name."""
        words = " ".join(self.name.replace("_", " ").split()) or self.name
        return self.given_label or words[:1].upper() + words[1:]

    @property
    def is_numeric(self) -> bool:
        """Whether its values can be added up."""
        return self.kind in NUMERIC


class ResultTable:
    """A Parquet file whose nested and binary columns read as text; nothing is held in memory between calls.

    `labels` are headings by column name. Raises UnknownColumn for one of a column that is not there.
    """

    def __init__(self, path: Path, labels: Mapping[str, str] | None = None) -> None:
        self._scan = pl.scan_parquet(path)
        self._labels = labels or {}
        for name in self._labels:
            self.column(name)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns, in the result's order."""
        schema = self._scan.collect_schema()
        return tuple(Column(name, _kind(dtype), self._labels.get(name)) for name, dtype in schema.items())

    @cached_property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self._scan.select(pl.len()).collect().item())

    def column(self, name: str) -> Column:
        """The column of that name. Raises UnknownColumn, naming those there are."""
        for column in self.columns:
            if column.name == name:
                return column
        names = ", ".join(column.name for column in self.columns[:50])
        raise UnknownColumn(f"the result has no column {name!r}; its columns are: {names}")

    def lazy(self) -> pl.LazyFrame:
        """All rows, not read yet; text for what has no kind of its own."""
        schema = self._scan.collect_schema()
        return self._scan.select(_plain(name, dtype) for name, dtype in schema.items())

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, in the result's order."""
        return self.lazy().head(rows).collect()

    def slices(self, rows: int) -> Iterator[pl.DataFrame]:
        """All rows in order, at most `rows` in memory at a time."""
        for offset in range(0, self.rows, rows):
            yield self.lazy().slice(offset, rows).collect()


def _kind(dtype: pl.DataType) -> Kind:
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric() or dtype == pl.Duration:
        return "number"
    plain: dict[Any, Kind] = {
        pl.Boolean: "boolean",
        pl.Date: "date",
        pl.Datetime: "datetime",
        pl.Time: "time",
    }
    return plain.get(dtype.base_type(), "text")


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype.is_nested():
        return column.map_elements(_json, return_dtype=pl.String)
    if dtype == pl.Binary:
        return column.bin.encode("hex")
    if dtype == pl.Duration:
        return (column.dt.total_microseconds() / 1_000_000).alias(name)
    return column.cast(pl.String) if _kind(dtype) == "text" and dtype != pl.String else column


def _json(value: Any) -> str:
    plain = value.to_list() if isinstance(value, pl.Series) else value
    return orjson.dumps(plain, default=str).decode()
