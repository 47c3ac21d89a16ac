"""What each function of the platform's catalog takes and gives, as JSON Schema 2020-12.

They follow the contracts of the services and are no stricter: what a service refuses beyond them it says itself.
"""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
COUNT: Schema = {"type": "integer", "minimum": 0}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
SCHEMA_REFERENCE: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": TEXT, "version": {"type": ["string", "integer"]}},
}


def takes(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """The schema of a function's arguments: these and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def gives(**members: Schema) -> Schema:
    """The schema of a function's output: at least these members."""
    return {"type": "object", "properties": members, "required": list(members)}


VALIDATE_ITEMS = takes({"schema": TEXT, "items": {"type": "array"}}, {"version": {"type": ["string", "integer"]}})
ITEMS_VALIDATED = gives(valid=COUNT, invalid=COUNT, errors=OBJECTS)

VALIDATE_DATASET = takes({"dataset": TEXT, "schema": SCHEMA_REFERENCE}, {"maxInvalid": COUNT})
DATASET_VALIDATED = gives(
    id=TEXT,
    result={**gives(rows=COUNT, valid=COUNT, invalid=COUNT), "description": "how many records, and the first bad"},
)

RUN_QUERY = takes(
    {"dataset": TEXT, "query": {**TEXT, "maxLength": 20_000, "description": "one SELECT over the table input"}},
    {
        "validation": {"type": ["string", "null"]},
        "schema": SCHEMA_REFERENCE,
        "maxInvalid": COUNT,
        "referenceData": TEXTS,
        "datasets": {"type": "object", "additionalProperties": TEXT},
        "deadlineSeconds": {"type": "integer", "minimum": 10, "maximum": 86_400},
    },
)
QUERY_DONE = gives(id=TEXT, result=gives(rows=COUNT))

RENDER_REPORT = takes(
    {
        "title": TEXT,
        "job": TEXT,
        "formats": {"type": "array", "minItems": 1, "items": {"type": "string"}},
    },
    {
        "subtitle": {"type": ["string", "null"]},
        "chart": {"type": ["object", "null"]},
        "figures": OBJECTS,
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
)
REPORT_RENDERED = gives(id=TEXT, files=OBJECTS)

SEND_MESSAGE = takes(
    {
        "subject": TEXT,
        "body": {"type": "string"},
        "channels": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"enum": ["signalr", "email", "webhook"]}},
            },
        },
    },
    {"data": {"type": "object"}},
)
MESSAGE_ACCEPTED = gives(id=TEXT, status={"const": "pending"})

RECORD_EVENT = takes({"type": {**TEXT, "maxLength": 200}}, {"subject": {"type": "string"}, "data": {}})
EVENT_RECORDED = gives(id=TEXT, type=TEXT)

DISCARD = takes({"id": TEXT})
DISCARDED: Schema = {"type": ["object", "null"]}
