"""The example's schema fits the real records, and refuses what a corrupted file would hold."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import polars as pl
import pytest

from local.demo.data import flights_csv

EXAMPLE = Path(__file__).resolve().parents[4] / "examples" / "flight-delays"
SCHEMA = json.loads((EXAMPLE / "flight.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)


@pytest.fixture(scope="module")
def flights() -> pl.DataFrame:
    return pl.read_csv(flights_csv(), null_values=["NA"], infer_schema_length=None, try_parse_dates=False)


def test_every_flight_of_2013_is_valid(flights: pl.DataFrame) -> None:
    assert len(flights) == 336_776
    assert list(SCHEMA["properties"]) == flights.columns
    assert [row for row in flights.iter_rows(named=True) if not VALIDATOR.is_valid(row)] == []


@pytest.mark.parametrize(
    "change",
    [
        {"dep_delay": "late"},
        {"dep_delay": 2.5},
        {"carrier": None},
        {"month": 13},
        {"dep_time": 2401},
        {"distance": -1},
        {"origin": "new york"},
        {"time_hour": "yesterday"},
        {"unknown": 1},
    ],
)
def test_a_corrupted_flight_is_not(flights: pl.DataFrame, change: dict[str, Any]) -> None:
    row = flights.row(0, named=True)
    assert VALIDATOR.is_valid(row)
    assert not VALIDATOR.is_valid({**row, **change})
