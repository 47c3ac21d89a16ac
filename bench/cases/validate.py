"""The batch validation of metadata beside the validator's own yes or no over the same parsed rows, on one thread.

Both do nothing but compute, so their CPU time is taken: it does not count what other processes took of the core.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import process_time
from typing import Any

import jsonschema_rs
import orjson
import polars as pl

from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.flights import SCHEMA, typed_flights
from functions.metadata.schema_document import compile_schema
from functions.metadata.validation import MAX_ITEMS, validate_items

ERRORS_PER_ITEM = 10
BAD_EACH = 100
Rows = list[dict[str, Any]]


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Read flights; one batch is all valid, in the other each hundredth row is not."""
    validator = compile_schema(orjson.loads(SCHEMA.read_bytes()))
    good = _rows(typed_flights()[:MAX_ITEMS])
    mixed = [{**row, "month": 13} if number % BAD_EACH == 0 else row for number, row in enumerate(good)]
    yield [
        _contest("10,000 valid rows", validator, good, 0, effort.seconds),
        _contest("the same, 1 in 100 invalid", validator, mixed, len(mixed) // BAD_EACH, effort.seconds),
    ]


def _contest(name: str, validator: jsonschema_rs.Validator, rows: Rows, invalid: int, seconds: float) -> Contest:
    def batch() -> int:
        return validate_items(validator, rows, ERRORS_PER_ITEM).invalid

    def alone() -> int:
        is_valid = validator.is_valid
        return sum(not is_valid(row) for row in rows)

    measure = partial(_measure, seconds / 2, len(rows), invalid)
    ours, peer = (
        Side("metadata validate_items", partial(measure, batch)),
        Side("is_valid alone", partial(measure, alone)),
    )
    return Contest(name, "rows/s of CPU time", ours, peer)


async def _measure(seconds: float, rows: int, invalid: int, run: Callable[[], int]) -> Sample:
    began = process_time()
    done = 0
    while process_time() - began < seconds:
        if run() != invalid:
            raise BenchError("the validation found other invalid rows than there are")
        done += rows
    return Sample(done / (process_time() - began))


def _rows(frame: pl.DataFrame) -> Rows:
    """As they come from JSON."""
    rows: Rows = orjson.loads(orjson.dumps(frame.to_dicts()))
    return rows
