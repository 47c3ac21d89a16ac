"""Delimited text (CSV, RFC 4180 and its dialects): one careful pass over the file, or samples of a large one."""

import asyncio
import io
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from functions.processing.formats.source import CHUNK_BYTES, Layout, LookAgain, Read, empty_of, unpacked
from functions.processing.parsing.conversion import (
    POLARS_TYPES,
    Converted,
    Kind,
    convert,
    narrowest,
    read_texts,
    widest,
)
from functions.processing.parsing.dialect import Dialect, detect
from functions.processing.parsing.structure import LINE_FEED, Extent, Header, MalformedFile, measure, read_header
from functions.processing.schemas import Chunk, WorkPlan

QUICK_FROM_BYTES = 8 * 1024 * 1024
"""Files from this size on are laid out from samples: to read them twice would take as long as to compute."""

QUICK_CHUNK_BYTES, FEWEST_CHUNKS = 64 * 1024 * 1024, 16
"""A chunk costs a dozen requests whatever its size, so that a large file's are large; a smaller file has so many that
several nodes find work in it."""

PIECE_BYTES = 8 * 1024 * 1024
"""A chunk is read and parsed piece by piece, the next one read meanwhile: so a large chunk needs little memory."""

SMALLEST_QUICK_CHUNK_BYTES = 4 * 1024 * 1024
COUNTED_BYTES = 256 * 1024
"""So much is compared at a time: what is made of it stays in the processor's cache."""

SAMPLES, SAMPLE_BYTES = 8, 256 * 1024
"""A sample is also how far a chunk looks beyond its end for the last record's."""


class Delimited:
    """One delimited file of `size` bytes. `dialect` None: it is found from the first block."""

    def __init__(
        self,
        read: Read,
        size: int,
        null_values: Sequence[str],
        dialect: Dialect | None = None,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        quick_from_bytes: int = QUICK_FROM_BYTES,
        quick_chunk_bytes: int = QUICK_CHUNK_BYTES,
        sample_bytes: int = SAMPLE_BYTES,
        piece_bytes: int = PIECE_BYTES,
    ) -> None:
        self._read, self._size = read, size
        self._null_values, self._dialect = tuple(null_values), dialect
        self._chunk_bytes, self._quick_from = chunk_bytes, quick_from_bytes
        self._quick_chunk_bytes, self._sample_bytes = quick_chunk_bytes, sample_bytes
        self._piece_bytes = piece_bytes
        self._header: Header | None = None

    async def columns(self) -> tuple[str, ...] | None:
        """The names in the header row."""
        return (await self._found())[0].columns

    async def lay_out(self, kinds: Mapping[str, Kind] | None = None, *, quick: bool = False) -> Layout:
        """One pass over the file that also checks each record's structure; or, quick, from samples."""
        header, dialect = await self._found()
        if quick and kinds is None and self._size >= self._quick_from and "" in self._null_values:
            layout = await self._sampled(header, dialect)
            if layout is not None:
                return layout
        return await self._measured(header, dialect, kinds)

    async def converted(self, chunk: Chunk, plan: WorkPlan) -> Converted:
        """Every column by its kind."""
        dialect = self._dialect or (await self._found())[1]
        block = await self._read(chunk.offset, chunk.length)
        kinds = {name: Kind(kind) for name, kind in plan.kinds.items()}

        def work() -> Converted:
            texts = read_texts(block, tuple(kinds), plan.null_values, rows=chunk.rows, dialect=dialect)
            return convert(texts, kinds)

        return await asyncio.to_thread(work)

    async def rows(self, chunk: Chunk, plan: WorkPlan, columns: Sequence[str]) -> pl.DataFrame:
        """Straight to typed columns under a quick layout; else by way of texts, which forgives nothing either."""
        if not plan.quick:
            return (await self.converted(chunk, plan)).typed.select(columns)
        dialect = self._dialect or (await self._found())[1]
        end, frames = chunk.offset + chunk.length, []
        starts = range(chunk.offset, end, self._piece_bytes)
        pieces = [(start, min(start + self._piece_bytes, end)) for start in starts]
        ahead = [asyncio.create_task(self._whole_records(*pieces[0], first=chunk.index == 0))]
        try:
            for piece in [*pieces[1:], None]:
                block = await ahead.pop()
                if piece is not None:  # it is read while the one before is parsed
                    ahead.append(asyncio.create_task(self._whole_records(*piece)))
                frames.append(await asyncio.to_thread(_typed, block, plan, columns, dialect))
        finally:
            for task in ahead:
                task.cancel()
        return pl.concat(frames, rechunk=False)

    async def _found(self) -> tuple[Header, Dialect]:
        if self._header is None or self._dialect is None:
            # Storage refuses a range of an empty blob.
            block = await self._read(0, min(self._chunk_bytes, CHUNK_BYTES)) if self._size else b""
            self._dialect = self._dialect or detect(block)
            self._header = read_header(block, at_end=len(block) >= self._size, dialect=self._dialect)
        return self._header, self._dialect

    async def _measured(self, header: Header, dialect: Dialect, kinds: Mapping[str, Kind] | None) -> Layout:
        chunks: list[Chunk] = []
        found: dict[str, Kind] = {}
        offset, row, fields = header.end, 1, len(header.columns)
        while offset < self._size:
            block = await self._read(offset, self._chunk_bytes)
            at_end = offset + len(block) >= self._size
            extent = await asyncio.to_thread(
                measure, block, fields=fields, first_row=row, at_end=at_end, dialect=dialect
            )
            if extent.rows:
                place = {"offset": offset, "length": extent.length}
                chunks.append(Chunk(index=len(chunks), first_row=row, rows=extent.rows, **place))
                if kinds is None:
                    seen = await asyncio.to_thread(self._kinds, block, extent, header.columns, dialect)
                    found = _joined(found, seen)
            if at_end:
                break
            offset, row = offset + extent.length, row + extent.rows
        if not chunks:
            raise MalformedFile("the file has a header row but no records")
        known = found if kinds is None else kinds
        typed = {name: known.get(name, Kind.STRING) for name in header.columns}
        return Layout(tuple(chunks), empty_of(typed), typed, dialect)

    async def _sampled(self, header: Header, dialect: Dialect) -> Layout | None:
        """Chunks that end at line feeds, kinds from samples; None when a sample has a quote."""
        found: dict[str, Kind] = {}
        step = (self._size - header.end) // SAMPLES
        for at in range(header.end, header.end + step * SAMPLES, step):
            block = await self._read(at, self._sample_bytes)
            begin = 0 if at == header.end else block.find(b"\n") + 1
            block = block[begin : block.rfind(b"\n") + 1]
            if not block or dialect.quote.encode() in block:
                return None
            fields, row = len(header.columns), 1
            try:
                extent = measure(block, fields=fields, first_row=row, at_end=False, dialect=dialect)
            except MalformedFile:  # the careful pass names the row
                return None
            found = _joined(found, await asyncio.to_thread(self._kinds, block, extent, header.columns, dialect))
        kinds = {name: found.get(name, Kind.STRING) for name in header.columns}
        least = min(SMALLEST_QUICK_CHUNK_BYTES, self._quick_chunk_bytes)
        length = min(self._quick_chunk_bytes, max(self._size // FEWEST_CHUNKS, least))
        starts = range(header.end, self._size, length)
        ends = [*starts[1:], self._size]
        chunks = tuple(
            Chunk(index=index, first_row=0, rows=0, offset=start, length=end - start)
            for index, (start, end) in enumerate(zip(starts, ends, strict=True))
        )
        return Layout(chunks, empty_of(kinds), kinds, dialect, quick=True)

    async def _whole_records(self, begin: int, end: int, *, first: bool = False) -> bytes:
        """The records that begin within these bytes: after the first line feed, up to the one after their end.

        The `first` bytes of the file begin with a record.
        """
        start = begin if first else begin - 1
        block = await self._read(start, min(end - start + self._sample_bytes, self._size - start))
        skipped = 0 if first else block.find(b"\n") + 1
        if skipped == 0 and not first:
            raise LookAgain("a record is longer than a piece of a chunk")
        if end >= self._size:
            return block[skipped:]
        stop = block.find(b"\n", end - start - 1)
        if stop < 0:
            raise LookAgain("a record is longer than the overlap of chunks")
        return block[skipped : stop + 1]

    def _kinds(self, block: bytes, extent: Extent, columns: Sequence[str], dialect: Dialect) -> dict[str, Kind]:
        return narrowest(
            read_texts(block[: extent.length], columns, self._null_values, rows=extent.rows, dialect=dialect)
        )


def _typed(block: bytes, plan: WorkPlan, columns: Sequence[str], dialect: Dialect) -> pl.DataFrame:
    """Some columns of whole records without quotes. Raises LookAgain for whatever the samples had not shown."""
    if not block:  # no record begins in this chunk
        return unpacked(plan.empty).select(columns)
    if dialect.quote.encode() in block or b"\0" in block:
        raise LookAgain("a quote, or a NUL byte")
    kinds = {name: Kind(kind) for name, kind in plan.kinds.items()}
    try:
        frame = pl.read_csv(
            io.BytesIO(block),
            has_header=False,
            separator=dialect.delimiter,
            quote_char=None,
            schema={name: POLARS_TYPES[kind] for name, kind in kinds.items()},
            columns=[index for index, name in enumerate(kinds) if name in columns],
            # An empty field is null to the parser anyway; each value in the list costs a comparison a field.
            null_values=[value for value in plan.null_values if value] or None,
        )
    except (pl.exceptions.PolarsError, UnicodeError) as error:
        raise LookAgain(str(error)) from None
    # More fields than columns are an error to the parser, fewer are not; so that the sum tells.
    rows = _count(block, LINE_FEED) + (not block.endswith(b"\n"))
    if rows != frame.height or _count(block, dialect.separator) != rows * (len(kinds) - 1):
        raise LookAgain("a record with too few fields, or a blank line")
    numbers = [pl.col(name).is_finite().all() for name in columns if kinds[name] is Kind.NUMBER]
    # JSON has no infinity and no NaN (RFC 8259 section 6): with one the column is text.
    if numbers and not all(value is not False for value in frame.select(numbers).row(0)):
        raise LookAgain("a number that is not finite")
    return frame.select(columns)


def _count(block: bytes, byte: int) -> int:
    data = np.frombuffer(block, dtype=np.uint8)
    starts = range(0, len(data), COUNTED_BYTES)
    return sum(int(np.count_nonzero(data[start : start + COUNTED_BYTES] == byte)) for start in starts)


def _joined(one: dict[str, Kind], other: dict[str, Kind]) -> dict[str, Kind]:
    both = {**one, **other}
    return {name: widest(one[name], other[name]) if name in one and name in other else both[name] for name in both}
