"""A Parquet file is read row group by row group, by its own byte ranges."""

import io
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest

from functions.processing.formats.parquet import Parquet
from functions.processing.formats.source import packed, unpacked
from functions.processing.parsing.structure import MalformedFile
from functions.processing.schemas import WorkPlan

TABLE = pl.DataFrame(
    {
        "i": range(1000),
        "s": [f"text {n % 13}" for n in range(1000)],
        "d": [date(2026, 1, 1 + n % 28) for n in range(1000)],
        "t": [datetime(2026, 1, 1, n % 24) for n in range(1000)],  # noqa: DTZ001 - without zone, as it is stored
        "m": [Decimal(n) / 100 for n in range(1000)],
    }
)


def file_of(table: pl.DataFrame, rows: int) -> bytes:
    buffer = io.BytesIO()
    table.write_parquet(buffer, row_group_size=rows)
    return buffer.getvalue()


class Reads:
    """A file that notes what is read of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.bytes = 0

    async def __call__(self, offset: int, length: int) -> bytes:
        block = self.content[offset : offset + length]
        self.bytes += len(block)
        return block


async def test_the_row_groups_together_are_the_table_with_its_types() -> None:
    content = file_of(TABLE, 128)
    source = Parquet(Reads(content), len(content))
    layout = await source.lay_out()
    plan = WorkPlan(dataset="d", null_values=(), kinds={}, total_bytes=len(content), chunks=layout.chunks)
    assert len(layout.chunks) == 8
    assert unpacked(packed(layout.empty)).schema == TABLE.schema
    frames = [await source.rows(chunk, plan, ("t", "i", "m")) for chunk in layout.chunks]
    assert pl.concat(frames).equals(TABLE.select("t", "i", "m"))
    assert [chunk.first_row for chunk in layout.chunks[:3]] == [1, 129, 257]


async def test_a_chunk_reads_its_row_group_and_the_footer_only() -> None:
    wide = pl.DataFrame({"x": range(200_000), "y": [str(n) for n in range(200_000)]})
    content = file_of(wide, 20_000)
    reads = Reads(content)
    layout = await Parquet(reads, len(content)).lay_out()
    assert reads.bytes < 70_000
    plan = WorkPlan(dataset="d", null_values=(), kinds={}, total_bytes=len(content), chunks=layout.chunks)
    converted = await Parquet(reads, len(content)).converted(layout.chunks[3], plan)
    assert converted.typed.equals(wide[60_000:80_000])
    assert reads.bytes < 140_000 + layout.chunks[3].length


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "too short"),
        (b"a,b\n1,2\n3,4\n5,6\n", "does not end with PAR1"),
        (b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1", "footer is longer"),
        (b"PAR1" + bytes(40) + b"\x10\0\0\0" + b"PAR1", "not a Parquet file"),
    ],
)
async def test_what_is_no_parquet_file_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=message):
        await Parquet(Reads(content), len(content)).lay_out()


async def test_a_damaged_row_group_is_named() -> None:
    content = bytearray(file_of(TABLE, 128))
    layout = await Parquet(Reads(bytes(content)), len(content)).lay_out()
    chunk = layout.chunks[2]
    content[chunk.offset : chunk.offset + chunk.length] = b"\xaa" * chunk.length
    plan = WorkPlan(dataset="d", null_values=(), kinds={}, total_bytes=len(content), chunks=layout.chunks)
    with pytest.raises(MalformedFile, match="row group 2"):
        await Parquet(Reads(bytes(content)), len(content)).rows(chunk, plan, ("i",))
