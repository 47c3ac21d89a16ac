"""The result of a job as a table of plain columns."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from functions.reporting.errors import UnknownColumn
from functions.reporting.rendering.result import ResultTable


def table_of(folder: Path, frame: pl.DataFrame) -> ResultTable:
    frame.write_parquet(folder / "result.parquet")
    return ResultTable(folder / "result.parquet")


def test_every_column_has_a_kind(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"name": ["a"], "n": [1], "x": [1.5], "ok": [True], "tags": [["a", "b"]], "took": [timedelta(seconds=2)]}
    )
    kinds = {column.name: column.kind for column in table_of(tmp_path, frame).columns}
    assert kinds == {"name": "text", "n": "integer", "x": "number", "ok": "boolean", "tags": "text", "took": "number"}


def test_nested_and_binary_values_read_as_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"list": [[1, 2], None], "record": [{"a": 1}, {"a": 2}], "raw": [b"\x01\xff", b""]})
    rows = table_of(tmp_path, frame).head(2).rows()
    assert rows == [("[1,2]", '{"a":1}', "01ff"), (None, '{"a":2}', "")]


def test_slices_give_all_rows_in_order(tmp_path: Path) -> None:
    table = table_of(tmp_path, pl.DataFrame({"n": range(25)}))
    parts = [part["n"].to_list() for part in table.slices(10)]
    assert [len(part) for part in parts] == [10, 10, 5]
    assert [n for part in parts for n in part] == list(range(25))


def test_an_unknown_column_is_refused_and_the_known_ones_named(tmp_path: Path) -> None:
    table = table_of(tmp_path, pl.DataFrame({"flights": [1], "month": [2]}))
    with pytest.raises(UnknownColumn, match=r"'delay'; its columns are: flights, month"):
        table.column("delay")


def test_a_column_is_headed_as_asked_or_by_the_words_of_its_name(tmp_path: Path) -> None:
    frame = pl.DataFrame({"p95": [1], "mean_dep_delay": [2], "": [3]})
    frame.write_parquet(tmp_path / "result.parquet")
    table = ResultTable(tmp_path / "result.parquet", {"p95": "95th percentile"})
    assert [column.label for column in table.columns] == ["95th percentile", "Mean dep delay", ""]


def test_a_heading_for_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "result.parquet")
    with pytest.raises(UnknownColumn, match="'b'"):
        ResultTable(tmp_path / "result.parquet", {"b": "B"})
