"""A file is cut into chunks of whole records that together are the file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.processing.formats.delimited import Delimited
from functions.processing.formats.source import Layout, LookAgain, packed
from functions.processing.parsing.conversion import Kind, read_texts
from functions.processing.parsing.dialect import RFC_4180
from functions.processing.parsing.structure import MalformedFile
from functions.processing.schemas import WorkPlan

values = st.sampled_from(["1", "-22", "0.5", "x", "NA", '"a\n""b"', '"c,d"'])
records = st.lists(st.tuples(values, values), min_size=1, max_size=30)


async def cut(content: bytes, chunk_bytes: int, nulls: tuple[str, ...] = ("",)) -> Layout:
    async def read(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    return await Delimited(read, len(content), nulls, RFC_4180, chunk_bytes=chunk_bytes).lay_out()


@given(records=records, newline=st.sampled_from(["\n", "\r\n"]), chunk_bytes=st.integers(24, 120), mark=st.booleans())
async def test_the_chunks_are_the_file_whatever_their_size(
    records: list[tuple[str, str]], newline: str, chunk_bytes: int, mark: bool
) -> None:
    lines = ["a,b", *(",".join(record) for record in records)]
    content = (b"\xef\xbb\xbf" if mark else b"") + newline.join(lines).encode()
    layout = await cut(content, chunk_bytes)
    found = []
    for chunk in layout.chunks:
        assert chunk.first_row == len(found) + 1
        assert chunk.length <= chunk_bytes
        block = content[chunk.offset : chunk.offset + chunk.length]
        found += read_texts(block, layout.empty.columns, [""], rows=chunk.rows).rows()
    whole = read_texts("\n".join(lines[1:]).encode(), ("a", "b"), [""], rows=len(records)).rows()
    assert found == whole


async def test_a_columns_kind_is_found_over_all_chunks() -> None:
    content = b"i,n,s,none\n" + b"1,1,1,NA\n" * 20 + b"2,0.5,x,NA\n"
    layout = await cut(content, 60, ("NA",))
    assert len(layout.chunks) > 2
    assert layout.kinds == {"i": Kind.INTEGER, "n": Kind.NUMBER, "s": Kind.STRING, "none": Kind.STRING}


async def test_a_fault_in_a_later_chunk_is_named_by_its_row_in_the_file() -> None:
    with pytest.raises(MalformedFile, match="row 21 has 1 field, the header row has 2"):
        await cut(b"a,b\n" + b"1,2\n" * 20 + b"3\n", 30)


@pytest.mark.parametrize(("content", "message"), [(b"", "empty"), (b"a,b\n", "no records"), (b"a,b", "no records")])
async def test_a_file_without_records_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=message):
        await cut(content, 100)


HEADER = b"i,n,s,b\n"


def large(rows: int, text: bytes = b"text") -> bytes:
    return HEADER + b"".join(b"%d,%d.5,%s,%s\n" % (n, n, text, (b"true", b"NA")[n % 2]) for n in range(rows))


async def quickly(content: bytes) -> tuple[Delimited, WorkPlan]:
    async def read(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    source = Delimited(
        read,
        len(content),
        ("NA", ""),
        chunk_bytes=4_000,
        quick_from_bytes=1,
        quick_chunk_bytes=3_000,
        sample_bytes=600,
        piece_bytes=1_100,
    )
    layout = await source.lay_out(quick=True)
    plan = WorkPlan(
        dataset="d",
        null_values=("NA", ""),
        kinds={name: kind.value for name, kind in layout.kinds.items()},
        total_bytes=len(content),
        chunks=layout.chunks,
        quick=layout.quick,
        empty=packed(layout.empty),
    )
    return source, plan


async def all_rows(source: Delimited, plan: WorkPlan) -> list[tuple[object, ...]]:
    frames = [await source.rows(chunk, plan, ("n", "i", "b")) for chunk in plan.chunks]
    return [row for frame in frames for row in frame.select("i", "n", "b").rows()]


async def test_a_chunk_in_which_no_record_begins_is_empty() -> None:
    for rows in range(1500, 1540):
        source, plan = await quickly(large(rows))
        assert len(await all_rows(source, plan)) == rows


@pytest.mark.parametrize("end", [b"", b"9,9.5,no line feed,NA"])
async def test_a_large_file_laid_out_from_samples_gives_each_row_once(end: bytes) -> None:
    source, plan = await quickly(large(2000) + end)
    assert plan.quick
    assert len(plan.chunks) > 5
    wanted = [(n, n + 0.5, (True, None)[n % 2]) for n in range(2000)] + ([(9, 9.5, None)] if end else [])
    assert await all_rows(source, plan) == wanted


@pytest.mark.parametrize(
    "surprise",
    [b"1,2,3\n", b"1,2,3,true,5\n", b"x,2,s,true\n", b'1,2,"a\nb",true\n', b"1,inf,s,true\n", b"\n", b"1,2,\0,true\n"],
)
async def test_whatever_the_samples_did_not_show_makes_it_look_again(surprise: bytes) -> None:
    content = large(2000)
    middle = content.index(b"\n", len(content) * 2 // 5) + 1
    source, plan = await quickly(content[:middle] + surprise + content[middle:])
    assert plan.quick
    with pytest.raises(LookAgain):
        await all_rows(source, plan)


async def test_a_file_with_quotes_in_its_samples_is_read_whole_at_once() -> None:
    _, plan = await quickly(large(2000, b'"text"'))
    assert not plan.quick
    assert plan.rows == 2000
