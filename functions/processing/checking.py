"""Checking a chunk's records against their schema, in batches."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from functions.processing.parsing.conversion import Converted, values_of

BATCH_ROWS = 5_000
BATCH_BYTES = 12 * 1024 * 1024
"""Below what the metadata service takes at once (16 MiB)."""

Check = Callable[[bytes, str], Awaitable[list[dict[str, Any]]]]
"""Checks a body; the second argument names the batch, so that a repeated call is the same call."""


@dataclass(frozen=True)
class Batch:
    """A request body and the chunk's rows (from 0) that its items are."""

    rows: Sequence[int]
    body: bytes


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row of the chunk (from 0): the field as a JSON pointer, and why."""

    row: int
    field: str
    reason: str


def batches(chunk: Converted) -> Iterator[Batch]:
    """The bodies that check every row once: the converted rows first, then the others with their texts as they are."""
    if chunk.lines is not None:
        yield from _of_lines(chunk.lines, range(len(chunk.lines)))
        return
    if not chunk.bad.any():
        yield from _of_frame(chunk.typed, range(chunk.typed.height))
        return
    good = (~chunk.bad).arg_true().to_list()
    yield from _of_frame(chunk.typed.filter(~chunk.bad), good)
    bad = chunk.bad.arg_true().to_list()
    for start in range(0, len(bad), BATCH_ROWS):
        yield from _of_rows(chunk, bad[start : start + BATCH_ROWS])


async def faults(chunk: Converted, check: Check, key: str, progress: Callable[[int], Awaitable[None]]) -> list[Fault]:
    """Every fault of a chunk, in order of rows. `progress` is told the rows of each batch that has been checked."""
    found: list[Fault] = []
    for number, batch in enumerate(batches(chunk)):
        for error in await check(batch.body, f"{key}-{number}"):
            found.append(Fault(batch.rows[int(error["index"])], str(error["field"]), str(error["reason"])))
        await progress(len(batch.rows))
    return sorted(found, key=lambda fault: fault.row)


def _of_lines(lines: Sequence[bytes], rows: Sequence[int]) -> Iterator[Batch]:
    """Records that are JSON go as they are."""
    if len(rows) > BATCH_ROWS or (len(rows) > 1 and sum(map(len, lines)) > BATCH_BYTES):
        half = len(rows) // 2
        yield from _of_lines(lines[:half], rows[:half])
        yield from _of_lines(lines[half:], rows[half:])
    elif rows:
        yield Batch(rows, b'{"items":[' + b",".join(lines) + b"]}")


def _of_frame(frame: pl.DataFrame, rows: Sequence[int]) -> Iterator[Batch]:
    for start in range(0, frame.height, BATCH_ROWS):
        yield from _sized(frame[start : start + BATCH_ROWS], rows[start : start + BATCH_ROWS])


def _sized(frame: pl.DataFrame, rows: Sequence[int]) -> Iterator[Batch]:
    """One batch, or two halves of it when the rows are long."""
    # A line feed within a text is escaped in JSON, so that each one here stands between two rows.
    body = b'{"items":[' + frame.write_ndjson().encode("utf-8").rstrip(b"\n").replace(b"\n", b",") + b"]}"
    if len(body) <= BATCH_BYTES or frame.height == 1:
        yield Batch(rows, body)
        return
    half = frame.height // 2
    yield from _sized(frame[:half], rows[:half])
    yield from _sized(frame[half:], rows[half:])


def _of_rows(chunk: Converted, rows: Sequence[int]) -> Iterator[Batch]:
    body = orjson.dumps({"items": [values_of(chunk, row) for row in rows]})
    if len(body) <= BATCH_BYTES or len(rows) == 1:
        yield Batch(rows, body)
        return
    half = len(rows) // 2
    yield from _of_rows(chunk, rows[:half])
    yield from _of_rows(chunk, rows[half:])
