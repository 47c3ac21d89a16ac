"""How a CSV file is cut into chunks: one pass over it, a block at a time, that also checks its structure."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from functions.processing.parsing.conversion import Kind, narrowest, read_texts, widest
from functions.processing.parsing.structure import Extent, Header, MalformedFile, measure, read_header
from functions.processing.schemas import Chunk

CHUNK_BYTES = 2 * 1024 * 1024
"""A chunk's most bytes: a thirty-megabyte file makes fifteen, and each fits a worker's memory many times."""

Read = Callable[[int, int], Awaitable[bytes]]
"""Reads `length` bytes from `offset`, fewer at the end."""


@dataclass(frozen=True)
class Layout:
    """A file's columns and chunks; `kinds` are what its values are, where that was asked for."""

    columns: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    kinds: dict[str, Kind]


async def read_columns(read: Read, size: int, *, chunk_bytes: int = CHUNK_BYTES) -> Header:
    """The header of a file of `size` bytes. Raises MalformedFile."""
    # Storage refuses a range of an empty blob.
    block = await read(0, chunk_bytes) if size else b""
    return read_header(block, at_end=len(block) >= size)


async def lay_out(
    read: Read,
    size: int,
    header: Header,
    *,
    infer_with: Sequence[str] | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Layout:
    """Cut a file into chunks of whole records and check each record's structure.

    With `infer_with`, the null values, the narrowest kinds of the columns are found as well. Raises MalformedFile and
    names the row.
    """
    chunks: list[Chunk] = []
    kinds: dict[str, Kind] = {}
    offset, row = header.end, 1
    while offset < size:
        block = await read(offset, chunk_bytes)
        at_end = offset + len(block) >= size
        extent = await asyncio.to_thread(measure, block, fields=len(header.columns), first_row=row, at_end=at_end)
        if extent.rows:
            chunks.append(
                Chunk(index=len(chunks), first_row=row, rows=extent.rows, offset=offset, length=extent.length)
            )
            if infer_with is not None:
                found = await asyncio.to_thread(_kinds, block, extent, header.columns, infer_with)
                kinds = {name: _joined(kinds.get(name), found.get(name)) for name in {**kinds, **found}}
        if at_end:
            break
        offset, row = offset + extent.length, row + extent.rows
    if not chunks:
        raise MalformedFile("the file has a header row but no records")
    return Layout(header.columns, tuple(chunks), {name: kinds.get(name, Kind.STRING) for name in header.columns})


def _kinds(block: bytes, extent: Extent, columns: Sequence[str], null_values: Sequence[str]) -> dict[str, Kind]:
    return narrowest(read_texts(block[: extent.length], columns, null_values, rows=extent.rows))


def _joined(one: Kind | None, other: Kind | None) -> Kind:
    if one is None or other is None:
        return one or other or Kind.STRING
    return widest(one, other)
