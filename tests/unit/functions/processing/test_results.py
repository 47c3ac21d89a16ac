"""Results in three formats, with every number in full."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.processing.artefacts import to_parquet
from functions.processing.errors import SourceNotUsable
from functions.processing.metadata import reference_table
from functions.processing.reduction import describe_invalid
from functions.processing.results import render
from functions.processing.schemas import InvalidRow, ValidationResult

numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(numbers, min_size=1))
def test_floats_keep_their_full_precision_in_csv_and_json(values: list[float]) -> None:
    parquet = to_parquet(pl.DataFrame({"x": values}))
    rows = list(csv.DictReader(io.StringIO(render(parquet, "csv").decode())))
    assert [float(row["x"]) for row in rows] == values
    assert [row["x"] for row in orjson.loads(render(parquet, "json"))] == values


def test_texts_nulls_lists_decimals_and_times_have_a_form_in_every_format() -> None:
    frame = pl.DataFrame(
        {
            "s": ['a,"b"\n', None],
            "l": [[1, 2], None],
            "d": [Decimal(10) ** 30, None],
            "t": [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None],
        },
        schema_overrides={"d": pl.Decimal(38, 0)},
    )
    parquet = to_parquet(frame)
    first, second = csv.DictReader(io.StringIO(render(parquet, "csv").decode()))
    assert (first["s"], first["l"], first["d"]) == ('a,"b"\n', "[1,2]", "1" + "0" * 30)
    assert list(second.values()) == [""] * 4
    documents = orjson.loads(render(parquet, "json"))
    assert documents[0]["l"] == [1, 2]
    assert float(documents[0]["d"]) == 1e30
    assert documents[0]["t"].startswith("2026-01-02T03:04:05")
    assert documents[1] == {"s": None, "l": None, "d": None, "t": None}
    assert render(parquet, "parquet") == parquet


def test_the_same_frame_gives_the_same_parquet_bytes() -> None:
    frame = pl.DataFrame({"a": list(range(1000)), "b": ["x"] * 1000})
    assert to_parquet(frame) == to_parquet(frame.clone())


def test_a_reference_table_has_the_key_and_the_fields_of_the_values() -> None:
    table = reference_table("airlines", {"UA": {"name": "United", "none": None}, "AA": {"name": "American"}})
    assert table.select("key", "name").rows() == [("AA", "American"), ("UA", "United")]
    assert table.schema["none"] == pl.String
    assert reference_table("rates", {"EUR": 1.5}).rows() == [(1.5, "EUR")]
    assert reference_table("none", {}).schema == {"key": pl.String}


@pytest.mark.parametrize("other", ["one", {"x": 1}, [1], True])
def test_reference_values_of_different_types_are_refused(other: object) -> None:
    with pytest.raises(SourceNotUsable, match="'rate' in reference data 'rates' are not alike"):
        reference_table("rates", {"EUR": {"rate": 1}, "USD": {"rate": other}})


def test_whole_and_broken_numbers_are_alike() -> None:
    table = reference_table("rates", {"EUR": {"rate": 1}, "USD": {"rate": 0.5}})
    assert table["rate"].to_list() == [1.0, 0.5]


def test_a_failed_validation_names_its_first_bad_rows() -> None:
    rows = tuple(InvalidRow(row=n, field="/delay", reason=f"'{n}' is no integer") for n in range(1000, 1005))
    result = ValidationResult(rows=336_776, valid=336_771, invalid=5, invalid_rows=rows)
    assert describe_invalid(result) == (
        "5 of 336,776 rows are invalid: row 1000: /delay: '1000' is no integer; "
        "row 1001: /delay: '1001' is no integer; row 1002: /delay: '1002' is no integer; …"
    )
