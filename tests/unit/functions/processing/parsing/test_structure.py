"""Records of CSV files are found and checked as RFC 4180 says."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.processing.parsing.conversion import read_texts
from functions.processing.parsing.structure import MalformedFile, compare_columns, measure, read_header

fields = st.text(alphabet='ab1é,"\n\r ', max_size=6)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(fields, min_size=width, max_size=width), min_size=1, max_size=8)
)


def written(rows: list[list[str]], newline: str) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator=newline, quoting=csv.QUOTE_ALL).writerows(rows)
    return buffer.getvalue().encode()


@given(rows=tables, newline=st.sampled_from(["\n", "\r\n"]), final=st.booleans())
def test_every_record_is_counted_whatever_its_quoted_fields_hold(
    rows: list[list[str]], newline: str, final: bool
) -> None:
    block = written(rows, newline)
    block = block if final else block[: -len(newline)]
    assert measure(block, fields=len(rows[0]), first_row=1, at_end=True).rows == len(rows)


@given(rows=tables, newline=st.sampled_from(["\n", "\r\n"]), cut=st.integers(0, 200))
def test_a_block_cut_anywhere_ends_its_chunk_at_a_record(rows: list[list[str]], newline: str, cut: int) -> None:
    whole, width = written(rows, newline), len(rows[0])
    first = written(rows[:1], newline)
    block = whole[: max(len(first), min(cut, len(whole)))]
    extent = measure(block, fields=width, first_row=1, at_end=False)
    assert whole[: extent.length] == written(rows[: extent.rows], newline)
    rest = whole[extent.length :]
    assert measure(rest, fields=width, first_row=1 + extent.rows, at_end=True).rows == len(rows) - extent.rows


@given(rows=tables)
def test_the_parser_finds_the_very_records_that_were_counted(rows: list[list[str]]) -> None:
    columns = [f"c{n}" for n in range(len(rows[0]))]
    texts = read_texts(written(rows, "\n"), columns, ["NA"], rows=len(rows))
    assert [list(row) for row in texts.rows()] == rows


def test_a_header_may_begin_with_a_byte_order_mark_and_have_quoted_names() -> None:
    header = read_header(b'\xef\xbb\xbfa,"b,\nc"\r\n1,2\r\n', at_end=True)
    assert (header.columns, header.end) == (("a", "b,\nc"), 13)


def test_a_header_may_end_with_the_file() -> None:
    assert read_header(b"a,b", at_end=True).end == 3


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n", "empty"),
        (b"a,b,A\n1,2,3\n", "'A' twice"),
        (b"a,,c\n1,2,3\n", "column 2 of the header row has no name"),
        (b"a,b\n1,\x002\n", "NUL"),
        (b"\x89PNG\r\n", "not UTF-8"),
        (b'a,"b\n', "header row can't be read"),
    ],
)
def test_a_file_without_a_usable_header_is_refused(block: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=message):
        read_header(block, at_end=True)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (b"1,2\n1\n", "row 8 has 1 field, the header row has 2"),
        (b"1,2\n1,2,3\n", "row 8 has 3 fields"),
        (b"1,2\n\n1,2\n", "row 8 has no fields"),
        (b'1,2\n"1,2\n3,4\n', "row 8 opens a quote that is not closed"),
        (b'1,2\n1,5" pipe,\n"', "row 8 has a quote in the middle"),
        (b'1,2\n"a"b,2\n', "row 8 has a quote in the middle"),
        (b'1,2\n"a,\n\xff",2\n', r"row 8 is not UTF-8 \(byte 0xff\)"),
        (b"1,2\n1,\x00\n", "row 8 holds a NUL"),
    ],
)
def test_a_faulty_record_is_named_by_its_row(block: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=message):
        measure(block, fields=2, first_row=7, at_end=True)


def test_a_record_longer_than_a_block_is_refused() -> None:
    with pytest.raises(MalformedFile, match="row 7 is longer than 5 bytes"):
        measure(b'1,"22', fields=2, first_row=7, at_end=False)


def test_blank_lines_at_the_end_are_no_records() -> None:
    assert measure(b"1,2\r\n\r\n\n", fields=2, first_row=1, at_end=True).rows == 1


def test_in_a_file_of_one_column_a_blank_line_is_a_record_without_value() -> None:
    assert measure(b"1\n\n3\n", fields=1, first_row=1, at_end=True).rows == 3
    assert read_texts(b"1\n\n3\n", ["a"], [""], rows=3)["a"].to_list() == ["1", None, "3"]


def test_missing_and_extra_columns_are_named() -> None:
    assert compare_columns(["a", "b"], ["a"], ["a", "b"]) is None
    assert compare_columns(["a", "x"], ["a", "b"], ["a", "b"]) == (
        "the columns do not fit the schema: missing 'b'; not in the schema: 'x'"
    )
