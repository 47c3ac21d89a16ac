"""What every format gives: a layout of its file, and the rows of a chunk."""

import base64
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from functions.processing.parsing.conversion import POLARS_TYPES, Converted, Kind
from functions.processing.parsing.dialect import Dialect
from functions.processing.schemas import Chunk, WorkPlan

CHUNK_BYTES = 2 * 1024 * 1024
"""A chunk's most bytes: a thirty-megabyte file makes fifteen, and each fits a worker's memory many times."""

Read = Callable[[int, int], Awaitable[bytes]]
"""Reads `length` bytes from `offset`, fewer at the end."""


class LookAgain(Exception):
    """A chunk is not what the quick look at the file had promised; the file is then laid out by reading all of it."""


@dataclass(frozen=True)
class Layout:
    """A file's chunks, and a frame without rows that has its columns and their types.

    `kinds` are the columns' kinds where values are converted from text. `quick` says that not all of the file has
    been read: row numbers are not known, and a chunk may raise LookAgain.
    """

    chunks: tuple[Chunk, ...]
    empty: pl.DataFrame
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    dialect: Dialect | None = None
    quick: bool = False


class Source(Protocol):
    """One dataset's content. All methods raise MalformedFile for what is not a file of the format."""

    async def columns(self) -> tuple[str, ...] | None:
        """The names of the columns; None where each record has its own."""

    async def lay_out(self, kinds: Mapping[str, Kind] | None = None, *, quick: bool = False) -> Layout:
        """Cut the file into chunks of whole records. Without `kinds` they are found from the values.

        `quick` allows a layout from samples of a large file.
        """

    async def converted(self, chunk: Chunk, plan: WorkPlan) -> Converted:
        """A chunk's records with what could not be converted. Raises RowCountMismatch when the file has changed."""

    async def rows(self, chunk: Chunk, plan: WorkPlan, columns: Sequence[str]) -> pl.DataFrame:
        """Some columns of a chunk's rows. Raises LookAgain under a quick layout, RowCountMismatch."""


def empty_of(kinds: Mapping[str, Kind]) -> pl.DataFrame:
    """The frame without rows that columns of these kinds have."""
    return pl.DataFrame({name: pl.Series(dtype=POLARS_TYPES[kind]) for name, kind in kinds.items()})


def packed(empty: pl.DataFrame) -> str:
    """A frame without rows as a text (Arrow IPC, base64), to travel in a plan."""
    buffer = io.BytesIO()
    empty.clear().write_ipc(buffer)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def unpacked(text: str) -> pl.DataFrame:
    """The frame of such a text."""
    return pl.read_ipc(io.BytesIO(base64.b64decode(text)))
