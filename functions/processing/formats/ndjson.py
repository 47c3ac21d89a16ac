"""Newline-delimited JSON: one object a line (ndjson.org); nested values become columns of JSON text."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import polars as pl

from functions.processing.formats.source import CHUNK_BYTES, Layout, Read, empty_of
from functions.processing.parsing.conversion import POLARS_TYPES, Converted, Kind, RowCountMismatch, widest
from functions.processing.parsing.structure import MalformedFile
from functions.processing.schemas import Chunk, WorkPlan

MAX_COLUMNS = 2_000
SMALLEST, LARGEST = -(2**63), 2**63 - 1


class NdJson:
    """One file of JSON lines."""

    def __init__(self, read: Read, size: int, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._read, self._size, self._chunk_bytes = read, size, chunk_bytes

    async def columns(self) -> tuple[str, ...] | None:
        """None: each record has its own."""
        return None

    async def lay_out(self, kinds: Mapping[str, Kind] | None = None, *, quick: bool = False) -> Layout:
        """One pass over the file. Every record is parsed, so that a fault is named by its row before work begins."""
        del quick
        chunks: list[Chunk] = []
        found: dict[str, Kind] = dict(kinds or {})
        offset, row = 0, 1
        while offset < self._size:
            block = await self._read(offset, self._chunk_bytes)
            length = self._whole_lines(block, offset, row)
            records = await asyncio.to_thread(_records, block[:length], row)
            for name, kind in _kinds(records).items():
                if kinds is None or name not in kinds:
                    found[name] = widest(found[name], kind) if name in found else kind
            if len(found) > MAX_COLUMNS:
                raise MalformedFile(f"the records have more than {MAX_COLUMNS:,} different members")
            if records:
                place = {"offset": offset, "length": length}
                chunks.append(Chunk(index=len(chunks), first_row=row, rows=len(records), **place))
            offset, row = offset + length, row + len(records)
        if not chunks:
            raise MalformedFile("the file is empty")
        return Layout(tuple(chunks), empty_of(found), found)

    async def converted(self, chunk: Chunk, plan: WorkPlan) -> Converted:
        """Every member by its column's kind; the lines themselves go along for the check."""
        block = await self._read(chunk.offset, chunk.length)
        kinds = {name: Kind(kind) for name, kind in plan.kinds.items()}
        return await asyncio.to_thread(_convert, block, chunk, kinds)

    async def rows(self, chunk: Chunk, plan: WorkPlan, columns: Sequence[str]) -> pl.DataFrame:
        """Some columns of a chunk."""
        return (await self.converted(chunk, plan)).typed.select(columns)

    def _whole_lines(self, block: bytes, offset: int, row: int) -> int:
        if offset + len(block) >= self._size:
            return len(block)
        end = block.rfind(b"\n") + 1
        if end == 0:
            raise MalformedFile(f"row {row} is longer than {len(block):,} bytes")
        return end


def _lines(block: bytes) -> list[bytes]:
    return [line for line in block.split(b"\n") if line.strip(b" \t\r")]


def _records(block: bytes, first_row: int) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for number, line in enumerate(_lines(block)):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise MalformedFile(f"row {first_row + number} is not JSON: {error}") from None
        if not isinstance(record, dict):
            raise MalformedFile(f"row {first_row + number} is not a JSON object")
        records.append(record)
    return records


def _kinds(records: Sequence[Mapping[str, Any]]) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for record in records:
        for name, value in record.items():
            if value is not None:
                kind = _kind(value)
                found[name] = widest(found[name], kind) if name in found else kind
    names: dict[str, Kind] = {name: Kind.STRING for record in records for name in record}
    return {**names, **found}


def _kind(value: Any) -> Kind:
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int):
        return Kind.INTEGER if SMALLEST <= value <= LARGEST else Kind.STRING
    return Kind.NUMBER if isinstance(value, float) else Kind.STRING


def _convert(block: bytes, chunk: Chunk, kinds: Mapping[str, Kind]) -> Converted:
    records, lines = _records(block, chunk.first_row), _lines(block)
    if len(records) != chunk.rows:
        raise RowCountMismatch(f"{len(records)} rows where {chunk.rows} were planned")
    bad = [False] * len(records)
    columns: dict[str, pl.Series] = {}
    for name, kind in kinds.items():
        values = [_value(record.get(name), kind) for record in records]
        for at, value in enumerate(values):
            if value is None and records[at].get(name) is not None:
                bad[at] = True
        columns[name] = pl.Series(name, values, dtype=POLARS_TYPES[kind])
    texts = pl.DataFrame({"record": [line.decode() for line in lines]})
    return Converted(pl.DataFrame(columns), pl.Series("bad", bad, dtype=pl.Boolean), texts, lines)


def _value(value: Any, kind: Kind) -> Any:
    """The value as its column has it; None where it does not fit."""
    if value is None:
        return None
    if kind is Kind.STRING:
        return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    if kind is Kind.BOOLEAN:
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if kind is Kind.NUMBER:
        return float(value)
    # JSON Schema counts 1.0 among the integers (2020-12, section 4.2.3 of the core).
    return int(value) if value == int(value) and SMALLEST <= value <= LARGEST else None
