"""Many records in one row: compressed JSON in columns that a table takes (64 KiB of bytes each)."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

COLUMN_BYTES = 60_000
COLUMNS = 12
"""720 kB in a row, which takes 1 MiB in all."""

MAX_PLAIN_BYTES = 64 * 1024 * 1024
Record = TypeVar("Record")


@dataclass(frozen=True)
class Packed:
    """The columns of one row, and their size."""

    columns: dict[str, bytes]
    size_bytes: int


def pack(records: Sequence[Any]) -> list[Packed]:
    """The records in as few rows as hold them. A record alone is small: its texts are cut when it is read."""
    data = zlib.compress(orjson.dumps(records), level=3)
    if len(data) > COLUMN_BYTES * COLUMNS and len(records) > 1:
        middle = len(records) // 2
        return pack(records[:middle]) + pack(records[middle:])
    columns = {
        f"data{i}": data[start : start + COLUMN_BYTES] for i, start in enumerate(range(0, len(data), COLUMN_BYTES))
    }
    return [Packed(columns, len(data))]


def unpack(values: Mapping[str, Any], kind: type[Record]) -> list[Record]:
    """The records of one row."""
    data = b"".join(bytes(values[f"data{i}"]) for i in range(COLUMNS + 1) if f"data{i}" in values)
    plain = zlib.decompressobj().decompress(data, MAX_PLAIN_BYTES)
    return [kind(**each) for each in orjson.loads(plain)]
