"""Features of flow and data that have no runtime, each with the reason that a person reads."""

from durable.workflow.dsl.features import MAX_NESTING

REFUSED = {
    "deep nesting": f"tasks stand in at most {MAX_NESTING - 1} others",
    "dsl other than 1.0": "the DSL's version is 1.0.x, released",
    "schema format other than json": "schemas are JSON Schemas (format json)",
    "schema resource by expression": "a schema is fetched when the definition is put, before anything has a value",
    "schema resource with authentication": "a schema is fetched when the definition is put, without a login",
    "unknown key": "the DSL has no such key",
}
