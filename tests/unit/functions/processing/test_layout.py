"""A file is cut into chunks of whole records that together are the file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.processing.layout import Layout, lay_out, read_columns
from functions.processing.parsing.conversion import Kind, read_texts
from functions.processing.parsing.structure import MalformedFile

values = st.sampled_from(["1", "-22", "0.5", "x", "NA", '"a\n""b"', '"c,d"'])
records = st.lists(st.tuples(values, values), min_size=1, max_size=30)


async def cut(content: bytes, chunk_bytes: int, nulls: tuple[str, ...] | None = None) -> Layout:
    async def read(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    header = await read_columns(read, len(content), chunk_bytes=chunk_bytes)
    return await lay_out(read, len(content), header, infer_with=nulls, chunk_bytes=chunk_bytes)


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
        found += read_texts(block, layout.columns, [""], rows=chunk.rows).rows()
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
