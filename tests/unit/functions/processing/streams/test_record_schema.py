"""A schema of metadata gives a stream its fields, and checks each message whole."""

from typing import Any

import pytest

from functions.processing.streams.definition import StreamDefinition
from functions.processing.streams.record_schema import InvalidRecord, fields_of
from functions.processing.streams.records import RecordReader

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "meter": {"type": "string", "pattern": "^m[0-9]+$"},
        "time": {"type": "string", "format": "date-time"},
        "value": {"type": ["integer", "number", "null"], "minimum": 0},
        "flags": {"$ref": "#/$defs/count"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "mixed": {"type": ["string", "integer"]},
        "any": {},
    },
    "required": ["meter", "time", "tags"],
    "additionalProperties": False,
    "$defs": {"count": {"type": "integer"}},
}
NOW = 2_000_000_000_000_000


def reader() -> RecordReader:
    stream = StreamDefinition.model_validate(
        {
            "key": "meter",
            "eventTime": "time",
            "schema": fields_of(SCHEMA),
            "document": SCHEMA,
            "window": {"type": "tumbling", "sizeS": 60},
            "query": "SELECT COUNT(*) AS n FROM input",
        }
    )
    return RecordReader(stream, ("value",))


def test_the_fields_are_the_properties_that_a_query_can_name() -> None:
    assert fields_of(SCHEMA) == {"meter": "string", "time": "timestamp", "value": "number", "flags": "integer"}


def test_a_message_that_fits_is_read() -> None:
    found = reader().read({"meter": "m1", "time": "2026-01-01T00:00:00Z", "value": 2.5, "tags": ["a"]}, NOW)
    assert (found.key, found.values) == ("m1", (2.5,))


@pytest.mark.parametrize(("change", "reason"), [
    ({"meter": "x1"}, "/meter: "),
    ({"value": -1}, "/value: "),
    ({"tags": ["a", 1]}, "/tags/1: "),
    ({"further": 1}, "the message: .*further"),
    ({"value": "much"}, "'value' is not a number"),
])  # fmt: skip
def test_a_message_is_checked_by_all_of_the_schema(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidRecord, match=reason):
        reader().read({"meter": "m1", "time": "2026-01-01T00:00:00Z", "value": 2.5, "tags": ["a"], **change}, NOW)
