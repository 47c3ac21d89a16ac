"""What processing asks of the metadata service: schemas, schema checks and reference data."""

from typing import Any

import polars as pl

from chassis.http.client import ServiceClient
from functions.processing.errors import SourceNotUsable
from functions.processing.schemas import SchemaReference

CHECK_TIMEOUT_S = 30.0
ERRORS_PER_ITEM = 3


class Metadata:
    """The metadata service, asked with processing's own token for the tenant of the present call."""

    def __init__(self, services: ServiceClient) -> None:
        self._services = services

    async def schema(self, wanted: SchemaReference) -> tuple[SchemaReference, dict[str, Any]]:
        """The schema with its version resolved, and its document."""
        path = f"/metadata/schemas/{wanted.name}/versions/{wanted.version}"
        found = await self._services.ask("metadata", "GET", path)
        return SchemaReference(name=wanted.name, version=int(found["version"])), found["schema"]

    async def check(self, schema: SchemaReference, body: bytes, key: str) -> list[dict[str, Any]]:
        """Check `{"items": […]}` and return the errors: index, field, reason. `key` names the batch."""
        path = f"/metadata/schemas/{schema.name}/versions/{schema.version}/validate"
        answer = await self._services.ask(
            "metadata",
            "POST",
            path,
            content=body,
            params={"errorsPerItem": str(ERRORS_PER_ITEM)},
            # Checking changes nothing, so that it may be repeated; the key says so to the client.
            idempotency_key=key,
            timeout_s=CHECK_TIMEOUT_S,
        )
        errors: list[dict[str, Any]] = answer["errors"]
        return errors

    async def reference_table(self, name: str) -> pl.DataFrame:
        """A reference data set as a table: the key as column `key`, then the fields of the values.

        A value that is no object becomes the column `value`. Raises SourceNotUsable when the values of one field
        are of different types.
        """
        answer = await self._services.ask("metadata", "GET", f"/metadata/reference-data/{name}")
        return reference_table(name, answer["items"])


def reference_table(name: str, items: dict[str, Any]) -> pl.DataFrame:
    """The table of a set's items, in order of keys. Raises SourceNotUsable."""
    if not items:
        return pl.DataFrame(schema={"key": pl.String})
    rows = [_row(key, items[key]) for key in sorted(items)]
    _refuse_mixed_types(name, rows)
    try:
        table = pl.DataFrame(rows, infer_schema_length=None, strict=True)
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise SourceNotUsable(f"the values of reference data '{name}' are not alike: {error}") from None
    # A field that no value has is of type null, which SQL does not know.
    return table.with_columns(pl.col(pl.Null).cast(pl.String))


def _refuse_mixed_types(name: str, rows: list[dict[str, Any]]) -> None:
    """Refuse what would be turned into text or dropped silently: one field with values of different types."""
    types: dict[str, set[type]] = {}
    for row in rows:
        for field, value in row.items():
            if value is not None:
                types.setdefault(field, set()).add(float if type(value) is int else type(value))
    for field, found in types.items():
        if len(found) > 1:
            raise SourceNotUsable(f"the values of '{field}' in reference data '{name}' are not alike")


def _row(key: str, value: Any) -> dict[str, Any]:
    return {**(value if isinstance(value, dict) else {"value": value}), "key": key}
