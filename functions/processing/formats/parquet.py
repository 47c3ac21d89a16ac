"""Parquet: the footer says where each row group lies, so that a chunk reads its own bytes and nothing else."""

import asyncio
import io
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from functions.processing.formats.source import Layout, Read
from functions.processing.parsing.conversion import Converted, Kind, RowCountMismatch
from functions.processing.parsing.structure import MalformedFile
from functions.processing.schemas import Chunk, WorkPlan

MAGIC = b"PAR1"
TAIL_BYTES = 64 * 1024
LARGEST_GROUP_BYTES = 512 * 1024 * 1024
"""A row group is read whole by one worker; Parquet's own advice for one is at most 1 GiB, mostly 128 MiB."""


class Parquet:
    """One Parquet file; a chunk is one row group."""

    def __init__(self, read: Read, size: int) -> None:
        self._read, self._size = read, size
        self._footer: tuple[int, bytes] | None = None

    async def columns(self) -> tuple[str, ...] | None:
        """The names of the top-level columns."""
        return tuple((await self._open()).schema_arrow.names)

    async def lay_out(self, kinds: Mapping[str, Kind] | None = None, *, quick: bool = False) -> Layout:
        """One chunk a row group, from the footer alone. The columns keep the types that they have."""
        del kinds, quick
        file = await self._open()
        empty = _frame(file.schema_arrow.empty_table())
        chunks: list[Chunk] = []
        row = 1
        for number in range(file.metadata.num_row_groups):
            group = file.metadata.row_group(number)
            if group.num_rows == 0:
                continue
            if group.total_byte_size > LARGEST_GROUP_BYTES:
                raise MalformedFile(
                    f"row group {number} has {group.total_byte_size:,} bytes, at most {LARGEST_GROUP_BYTES:,} are read"
                )
            start, end = _extent(group)
            place = {"offset": start, "length": end - start, "group": number}
            chunks.append(Chunk(index=len(chunks), first_row=row, rows=group.num_rows, **place))
            row += group.num_rows
        if not chunks:
            raise MalformedFile("the file has no rows")
        return Layout(tuple(chunks), empty)

    async def converted(self, chunk: Chunk, plan: WorkPlan) -> Converted:
        """Every column of a row group; nothing is to be converted."""
        typed = await self._group(chunk, None)
        return Converted(typed, pl.Series("bad", [False] * typed.height, dtype=pl.Boolean), typed)

    async def rows(self, chunk: Chunk, plan: WorkPlan, columns: Sequence[str]) -> pl.DataFrame:
        """Some columns of a row group."""
        return await self._group(chunk, list(columns))

    async def _group(self, chunk: Chunk, columns: list[str] | None) -> pl.DataFrame:
        await self._open()
        assert self._footer is not None  # noqa: S101 - set when opened
        block = await self._read(chunk.offset, chunk.length)
        sparse = Sparse(self._size, (self._footer, (chunk.offset, block)))

        def work() -> pl.DataFrame:
            try:
                return _frame(pq.ParquetFile(sparse).read_row_group(chunk.group, columns=columns, use_threads=False))
            except (pa.ArrowException, OSError) as error:
                raise MalformedFile(f"row group {chunk.group} can't be read: {_line(error)}") from None

        frame = await asyncio.to_thread(work)
        if frame.height != chunk.rows:
            raise RowCountMismatch(f"{frame.height} rows where {chunk.rows} were planned")
        return frame if columns is None else frame.select(columns)

    async def _open(self) -> Any:
        if self._footer is None:
            self._footer = await self._read_footer()
        try:
            return pq.ParquetFile(Sparse(self._size, (self._footer,)))
        except (pa.ArrowException, OSError) as error:
            raise MalformedFile(f"this is not a Parquet file: {_line(error)}") from None

    async def _read_footer(self) -> tuple[int, bytes]:
        if self._size < 3 * len(MAGIC):
            raise MalformedFile("this is not a Parquet file: it is too short")
        start = max(0, self._size - TAIL_BYTES)
        tail = await self._read(start, self._size - start)
        if tail[-4:] != MAGIC:
            raise MalformedFile("this is not a Parquet file: it does not end with PAR1")
        needed = int.from_bytes(tail[-8:-4], "little") + 8
        if needed > self._size:
            raise MalformedFile("this is not a Parquet file: its footer is longer than the file")
        if needed > len(tail):
            start = self._size - needed
            tail = await self._read(start, needed)
        return start, tail


class Sparse(io.RawIOBase):
    """A file of which only some stretches are there: (offset, bytes). Reading elsewhere is an OSError."""

    def __init__(self, size: int, stretches: Sequence[tuple[int, bytes]]) -> None:
        self._size, self._stretches, self._at = size, stretches, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Bytes from the position on. Raises OSError where none are there."""
        length = self._size - self._at if size is None or size < 0 else min(size, self._size - self._at)
        for start, block in self._stretches:
            if start <= self._at and self._at + length <= start + len(block):
                found = block[self._at - start : self._at - start + length]
                self._at += length
                return found
        raise OSError(f"the bytes {self._at} to {self._at + length} are outside of the row group")


def _extent(group: Any) -> tuple[int, int]:
    starts, ends = [], []
    for number in range(group.num_columns):
        column = group.column(number)
        start = column.data_page_offset
        if column.has_dictionary_page and column.dictionary_page_offset:
            start = min(start, column.dictionary_page_offset)
        starts.append(start)
        ends.append(start + column.total_compressed_size)
    return min(starts), max(ends)


def _frame(table: pa.Table) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)  # noqa: S101 - a table gives a frame
    return found


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]
