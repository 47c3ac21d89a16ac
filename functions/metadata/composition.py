"""What the metadata service is made of, opened when first used."""

from functools import cache

from chassis.runtime import runtime_for
from functions.metadata.reference_data import ReferenceData
from functions.metadata.service import SchemaService
from functions.metadata.text_store import TextStore
from functions.metadata.versioned import VersionedDocuments

runtime = runtime_for("metadata")
TABLES = ("schemas", "referencedata", "configuration")


@cache
def schemas() -> SchemaService:
    """Registers schemas and validates against them; keeps compiled validators."""
    documents = VersionedDocuments(
        runtime.tables.table("schemas"), _texts("schemas"), "metadata.schema.registered", reuse_any_version=True
    )
    return SchemaService(documents)


@cache
def reference_data() -> ReferenceData:
    """Sets of reference data."""
    return ReferenceData(runtime.tables.table("referencedata"), _texts("reference-data"))


@cache
def configuration() -> VersionedDocuments:
    """Configuration values by key."""
    table = runtime.tables.table("configuration")
    return VersionedDocuments(table, _texts("configuration"), "metadata.configuration.updated", reuse_any_version=False)


def _texts(container: str) -> TextStore:
    return TextStore(runtime.blobs.container(container))
