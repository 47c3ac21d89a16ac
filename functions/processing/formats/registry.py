"""Which format reads a dataset."""

from collections.abc import Sequence

from functions.processing.formats.delimited import Delimited
from functions.processing.formats.ndjson import NdJson
from functions.processing.formats.parquet import Parquet
from functions.processing.formats.source import Read, Source
from functions.processing.parsing.dialect import Dialect

FORMATS = ("csv", "ndjson", "parquet")


def source_of(format: str, read: Read, size: int, null_values: Sequence[str], dialect: Dialect | None) -> Source:
    """The source of a dataset's content of `size` bytes."""
    if format == "parquet":
        return Parquet(read, size)
    if format == "ndjson":
        return NdJson(read, size)
    return Delimited(read, size, null_values, dialect)
