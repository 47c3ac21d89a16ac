"""Where the records of a CSV file end, and whether each has the right fields (RFC 4180), a block at a time."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from functions.processing.parsing.dialect import RFC_4180, Dialect

Positions = npt.NDArray[np.intp]

LINE_FEED, CARRIAGE_RETURN = 0x0A, 0x0D
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class MalformedFile(ValueError):
    """The bytes are not a CSV file that can be read; the message says where and why, for its owner."""


@dataclass(frozen=True)
class Header:
    """The column names, and the byte at which the first data row begins."""

    columns: tuple[str, ...]
    end: int


@dataclass(frozen=True)
class Extent:
    """The whole records at the beginning of a block: how many bytes and how many rows."""

    length: int
    rows: int


def read_header(block: bytes, *, at_end: bool, dialect: Dialect = RFC_4180) -> Header:
    """Read the header row at the beginning of a file.

    `at_end` says that the block reaches the end of the file. Raises MalformedFile for an empty file, bytes that are
    no text, and names that are missing or given twice.
    """
    if not block.strip(b"\xef\xbb\xbf\r\n \t"):
        raise MalformedFile("the file is empty")
    _check_text(block, 0, dialect)
    start = len(BYTE_ORDER_MARK) if block.startswith(BYTE_ORDER_MARK) else 0
    ends = _record_ends(np.frombuffer(block, dtype=np.uint8), start, dialect)
    if len(ends) == 0 and not at_end:
        raise MalformedFile(f"no header row ends within the first {len(block):,} bytes")
    end = int(ends[0]) + 1 if len(ends) else len(block)
    return Header(_names(_decode(block[start:end], 0, dialect), dialect), end)


def measure(block: bytes, *, fields: int, first_row: int, at_end: bool, dialect: Dialect = RFC_4180) -> Extent:
    """Find the whole records at the beginning of a block that starts at a record, and check each.

    `first_row` is the number of the block's first record (data rows count from 1); `fields` is how many each must
    have; `at_end` says that the block reaches the end of the file. Raises MalformedFile and names the row.
    """
    if at_end and fields > 1:
        block = block.rstrip(b"\r\n")
    data = np.frombuffer(block, dtype=np.uint8)
    ends = _record_ends(data, 0, dialect)
    if at_end and len(block) and (len(ends) == 0 or ends[-1] != len(block) - 1):
        _refuse_open_quote(data, ends, first_row, dialect)
        ends = np.append(ends, len(block))
    if len(ends) == 0 and len(block):
        raise MalformedFile(f"row {first_row} is longer than {len(block):,} bytes; is a quote not closed?")
    length = min(int(ends[-1]) + 1, len(block)) if len(ends) else 0
    _check_text(block[:length], first_row, dialect)
    _check_quotes(data[:length], ends, first_row, dialect)
    _check_fields(data[:length], ends, fields, first_row, dialect)
    return Extent(length, len(ends))


def _names(header: str, dialect: Dialect) -> tuple[str, ...]:
    try:
        names = next(csv.reader([header], delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True))
    except csv.Error as error:
        raise MalformedFile(f"the header row can't be read: {error}") from None
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise MalformedFile(f"column {position} of the header row has no name")
        # SQL does not tell names apart by case, so neither may a header.
        if name.casefold() in seen:
            raise MalformedFile(f"the header row names the column '{name}' twice")
        seen.add(name.casefold())
    return tuple(names)


def _record_ends(data: npt.NDArray[np.uint8], start: int, dialect: Dialect) -> Positions:
    """Positions of the line feeds that end a record: those outside quotes."""
    ends = np.flatnonzero(data == LINE_FEED)
    quotes = np.flatnonzero(data == dialect.quotation)
    return _outside(ends[ends >= start], quotes)


def _outside(positions: Positions, quotes: Positions) -> Positions:
    """Those positions that an even number of quotes precedes; a doubled quote counts twice and so changes nothing."""
    if len(quotes) == 0:
        return positions
    outside: Positions = positions[np.searchsorted(quotes, positions) % 2 == 0]
    return outside


def _check_text(block: bytes, first_row: int, dialect: Dialect) -> None:
    at = block.find(b"\0")
    if at >= 0:
        raise MalformedFile(f"{_place(block, at, first_row, dialect)} holds a NUL byte: this is not a CSV file")
    if first_row:
        _decode(block, first_row, dialect)


def _decode(block: bytes, first_row: int, dialect: Dialect) -> str:
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _place(block, error.start, first_row, dialect)
        raise MalformedFile(f"{place} is not UTF-8 (byte 0x{block[error.start]:02x})") from None


def _place(block: bytes, at: int, first_row: int, dialect: Dialect) -> str:
    if not first_row:
        return "the header row" if b"\n" not in block[:at] else "the file"
    ends = _record_ends(np.frombuffer(block[:at], dtype=np.uint8), 0, dialect)
    return f"row {first_row + len(ends)}"


def _refuse_open_quote(data: npt.NDArray[np.uint8], ends: Positions, first_row: int, dialect: Dialect) -> None:
    if np.count_nonzero(data == dialect.quotation) % 2:
        raise MalformedFile(f"row {first_row + len(ends)} opens a quote that is not closed")


def _check_quotes(data: npt.NDArray[np.uint8], ends: Positions, first_row: int, dialect: Dialect) -> None:
    """A quote opens at the beginning of a field and closes at its end; inside it is doubled."""
    quotes = np.flatnonzero(data == dialect.quotation)
    if len(quotes) == 0:
        return
    padded = np.concatenate(([LINE_FEED], data, [LINE_FEED]))
    before, after = padded[quotes[0::2]], padded[quotes[1::2] + 2]
    opens = np.isin(before, (dialect.separator, LINE_FEED, dialect.quotation))
    closes = np.isin(after, (dialect.separator, LINE_FEED, CARRIAGE_RETURN, dialect.quotation))
    for stray in (quotes[0::2][~opens], quotes[1::2][~closes]):
        if len(stray):
            row = first_row + int(np.searchsorted(ends, stray[0]))
            raise MalformedFile(f"row {row} has a quote in the middle of a field")


def _check_fields(data: npt.NDArray[np.uint8], ends: Positions, fields: int, first_row: int, dialect: Dialect) -> None:
    separators = _outside(np.flatnonzero(data == dialect.separator), np.flatnonzero(data == dialect.quotation))
    found = np.diff(np.searchsorted(separators, ends), prepend=0) + 1
    wrong = np.flatnonzero(found != fields)
    if len(wrong):
        at = int(wrong[0])
        what = "no fields" if _is_blank(data, ends, at) else _fields(int(found[at]))
        raise MalformedFile(f"row {first_row + at} has {what}, the header row has {fields}")


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"


def _is_blank(data: npt.NDArray[np.uint8], ends: Positions, at: int) -> bool:
    start = int(ends[at - 1]) + 1 if at else 0
    return not bytes(data[start : int(ends[at])]).strip(b"\r")


def compare_columns(columns: Sequence[str], required: Sequence[str], known: Sequence[str]) -> str | None:
    """What is wrong with a file's columns beside a schema: missing or extra names in plain words; None when right."""
    missing = [name for name in required if name not in columns]
    extra = [name for name in columns if name not in known]
    parts = [f"missing {_quoted(missing)}"] if missing else []
    parts += [f"not in the schema: {_quoted(extra)}"] if extra else []
    return "the columns do not fit the schema: " + "; ".join(parts) if parts else None


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
