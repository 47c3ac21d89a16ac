"""Which JSON Schema documents are accepted."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.metadata.errors import DocumentTooLarge, InvalidSchema, NotJson
from functions.metadata.schema_document import (
    MAX_SCHEMA_BYTES,
    check_schema,
    compile_schema,
    digest_of,
    is_deeper,
    pointer_of,
)
from functions.metadata.schema_graph import look_up


def doubling(levels: int) -> dict[str, Any]:
    """A few bytes that ask for 2**levels evaluations of one value."""
    twice = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**twice, f"d{levels}": {"type": "integer"}}}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


def checked(document: Any) -> Any:
    return check_schema(document, len(orjson.dumps(document)))


ACCEPTED: list[dict[str, Any]] = [
    {},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
    {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
    {"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"type": "object", "additionalProperties": {"$ref": "#"}}]},
    {"$defs": {"p": {"$anchor": "address", "type": "string"}}, "properties": {"a": {"$ref": "#address"}}},
    {"$id": "https://a.test/s", "$ref": "https://a.test/s#/$defs/x~1y", "$defs": {"x/y": {"type": "integer"}}},
    {"properties": {"$ref": {"type": "string"}}},
    {"const": {"$ref": "http://not.a.reference"}},
    {"pattern": "^[A-Z]{2}$", "format": "date-time"},
    doubling(5),
    nested(40),
]

REFUSED: list[tuple[Any, str, str]] = [
    ([], "", "object"),
    (True, "", "object"),
    ({"type": "objekt"}, "/type", "objekt"),
    ({"minimum": "1"}, "/minimum", "number"),
    ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "2020-12"),
    ({"$ref": "https://example.test/other"}, "/$ref", "within the document"),
    ({"$ref": "file:///etc/passwd"}, "/$ref", "within the document"),
    ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, "/$ref", "within the document"),
    ({"properties": {"a": {"$id": "https://a.test/b"}}}, "/properties/a/$id", "root only"),
    ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "/properties/a/$ref", "points nowhere"),
    ({"properties": {"a": {"$ref": "#none"}}}, "/properties/a/$ref", "no anchor"),
    ({"$defs": {"a": {"const": 5}}, "$ref": "#/$defs/a/const"}, "/$defs/a/const", "object or a boolean"),
    ({"$dynamicRef": "#x"}, "/$dynamicRef", "not supported"),
    ({"$ref": "#"}, "", "for ever"),
    ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}}, "/$defs/a", "for ever"),
    ({"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"b": {"$ref": "#"}}}]}, "", "more than one way"),
    ({"properties": {"a": {"$ref": "#"}}, "patternProperties": {"b": {"$ref": "#"}}}, "", "more than one way"),
    ({"pattern": "(a+)+(?=b)"}, "/pattern", "look-around"),
    ({"pattern": "(((a{100}){100}){100})"}, "/pattern", "huge"),
    ({"allOf": [{"pattern": f"a{n}"} for n in range(101)]}, "", "patterns"),
    ({"properties": {f"p{n}": {} for n in range(3_001)}}, "", "subschemas"),
    (nested(101), "", "nested"),
    (doubling(20), "", "ways"),
]


@pytest.mark.parametrize("document", ACCEPTED, ids=lambda document: orjson.dumps(document).decode()[:60])
def test_usual_documents_are_accepted_and_compile(document: dict[str, Any]) -> None:
    assert checked(document) is document
    compile_schema(document)


@pytest.mark.parametrize(("document", "field", "reason"), REFUSED, ids=lambda part: str(part)[:60])
def test_what_is_unsafe_or_no_schema_is_refused_with_its_place(document: Any, field: str, reason: str) -> None:
    with pytest.raises(InvalidSchema) as refused:
        checked(document)
    [error] = refused.value.extensions["errors"]
    assert error["field"].startswith(field)
    assert reason in error["reason"]


def test_a_document_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(DocumentTooLarge):
        check_schema({}, MAX_SCHEMA_BYTES + 1)


def test_the_order_of_keys_makes_no_other_document() -> None:
    assert digest_of({"a": 1, "b": [1, 2]}) == digest_of({"b": [1, 2], "a": 1})
    assert digest_of({"b": [1, 2]}) != digest_of({"b": [2, 1]})


@pytest.mark.parametrize("value", ["\ud800", 2**70, {"a": "\udfff"}])
def test_values_without_a_json_text_are_refused(value: Any) -> None:
    with pytest.raises(NotJson):
        digest_of(value)


@given(st.integers(0, 30), st.integers(0, 30))
def test_depth_is_measured_exactly(levels: int, most: int) -> None:
    value: Any = 1
    for _ in range(levels):
        value = [value] if levels % 2 else {"x": value}
    assert is_deeper(value, most) == (levels > most)


@given(st.dictionaries(st.text(), st.integers(), min_size=1))
def test_a_pointer_leads_back_to_its_value(members: dict[str, int]) -> None:
    for name, value in members.items():
        assert look_up([members], pointer_of([0, name])) == value
