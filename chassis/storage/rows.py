"""Rows of a table and the changes that one entity group transaction makes to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.data.tables import EdmType, EntityProperty

from chassis.errors import Conflict, PreconditionFailed
from chassis.storage.keys import decode_key

Value = str | int | float | bool | bytes | None | Any
_INT32 = 2**31


class RowExists(Conflict):
    """There is a row with that key already."""

    code, title = "platform.row-exists", "It exists already"


class RowChanged(PreconditionFailed):
    """The row is gone, or its ETag is another than the one given."""

    code = "platform.row-changed"


@dataclass(frozen=True)
class Row:
    """One stored row; `values` has no key or system columns."""

    partition: str
    key: str
    etag: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a column, or the default where the row has none."""
        return self.values.get(name, default)


@dataclass(frozen=True)
class Insert:
    """A new row; the whole transaction fails with RowExists when there is one."""

    key: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Upsert:
    """A row as given, whatever was there."""

    key: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Replace:
    """A row in place of the one with this ETag; otherwise the whole transaction fails with RowChanged."""

    key: str
    values: Mapping[str, Value]
    etag: str


@dataclass(frozen=True)
class Delete:
    """The row goes; with an ETag only that version of it."""

    key: str
    etag: str | None = None


Change = Insert | Upsert | Replace | Delete


def to_entity(partition_key: str, row_key: str, values: Mapping[str, Value]) -> dict[str, Any]:
    """The SDK's entity: encoded keys, None left out, integers past 32 bits as Int64."""
    entity: dict[str, Any] = {"PartitionKey": partition_key, "RowKey": row_key}
    for name, value in values.items():
        if value is None:
            continue
        wide = isinstance(value, int) and not isinstance(value, bool) and not -_INT32 <= value < _INT32
        entity[name] = EntityProperty(value, EdmType.INT64) if wide else value
    return entity


def from_entity(entity: Any) -> Row:
    """The row of an SDK entity."""
    values = {
        name: value.value if isinstance(value, EntityProperty) else value
        for name, value in entity.items()
        if name not in {"PartitionKey", "RowKey"}
    }
    return Row(
        partition=decode_key(entity["PartitionKey"]),
        key=decode_key(entity["RowKey"]),
        etag=entity.metadata["etag"],
        values=values,
    )
