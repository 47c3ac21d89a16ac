"""Registering schemas, and validating batches of items against a version of one."""

import asyncio
from collections import OrderedDict
from typing import Any

import jsonschema_rs
import orjson

from chassis.http.preconditions import Precondition
from functions.metadata.errors import NotJson, SchemaNotFound
from functions.metadata.schema_document import check_schema, compile_schema
from functions.metadata.validation import BatchResult, read_items, validate_items
from functions.metadata.versioned import Version, VersionedDocuments

CACHED_VALIDATORS = 256


class SchemaService:
    """The tenants' schemas. Versions never change, so compiled validators are kept (the least used one goes first)."""

    def __init__(self, documents: VersionedDocuments) -> None:
        self.documents = documents
        self._validators: OrderedDict[tuple[str, str, int], jsonschema_rs.Validator] = OrderedDict()

    async def register(
        self, tenant: str, name: str, body: bytes, condition: Precondition | None
    ) -> tuple[Version, bool]:
        """The version that holds this document, and whether it is new.

        Raises NotJson, InvalidSchema, DocumentTooLarge, ETagMismatch.
        """
        document = await asyncio.to_thread(_accepted, body)
        return await self.documents.put(tenant, name, document, condition)

    async def read(self, tenant: str, name: str, version: int | None) -> Version:
        """One version (None: the latest). Raises SchemaNotFound."""
        found = await self.documents.get(tenant, name, version)
        if found is None:
            raise SchemaNotFound(f"there is no schema {name}" + (f" version {version}" if version else ""))
        return found

    async def validate(
        self, tenant: str, name: str, version: int | None, body: bytes, errors_per_item: int
    ) -> BatchResult:
        """Validate the items of a request body. Raises SchemaNotFound and what validation.py names."""
        validator = await self._validator(tenant, name, version)
        return await asyncio.to_thread(_validated, validator, body, errors_per_item)

    async def _validator(self, tenant: str, name: str, version: int | None) -> jsonschema_rs.Validator:
        number = version if version is not None else await self.documents.latest(tenant, name)
        key = (tenant, name, number or 0)
        if key in self._validators:
            self._validators.move_to_end(key)
            return self._validators[key]
        document = (await self.read(tenant, name, number)).document
        self._validators[key] = validator = await asyncio.to_thread(compile_schema, document)
        while len(self._validators) > CACHED_VALIDATORS:
            self._validators.popitem(last=False)
        return validator


def _accepted(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotJson(f"not JSON: {error}") from None
    return check_schema(document, len(body))


def _validated(validator: jsonschema_rs.Validator, body: bytes, errors_per_item: int) -> BatchResult:
    return validate_items(validator, read_items(body), errors_per_item)
