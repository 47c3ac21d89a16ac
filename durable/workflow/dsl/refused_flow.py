"""Features of flow and data that have no runtime, each with the reason that a person reads."""

from durable.workflow.dsl.features import MAX_NESTING

REFUSED = {
    "deep nesting": f"tasks stand in at most {MAX_NESTING - 1} others",
    "dsl other than 1.0": "the DSL's version is 1.0.x, released",
    "retry attempt duration": "a time limit for each attempt has no runtime yet",
    "schema format other than json": "schemas are JSON Schemas (format json)",
    "schema resource": "schemas are given inline; a document elsewhere could change under a running instance",
    "task timeout": "timeouts of tasks have no runtime yet",
    "unknown key": "the DSL has no such key",
    "use.extensions": "extensions have no runtime yet",
    "use.timeouts": "named timeouts have no runtime yet",
    "workflow timeout": "the workflow's timeout has no runtime yet",
}
