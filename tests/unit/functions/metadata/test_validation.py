"""Batches: limits, counts, and what is told of invalid items."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.metadata import validation
from functions.metadata.errors import BatchTooCostly, BatchTooLarge, NotJson
from functions.metadata.schema_document import compile_schema

VALIDATOR = compile_schema(
    {"required": ["id"], "properties": {"id": {"type": "integer"}, "a/b": {"format": "date"}, "list": {"items": False}}}
)


@given(st.lists(st.one_of(st.integers(), st.text(), st.none())))
def test_the_invalid_items_are_those_with_errors(ids: list[Any]) -> None:
    result = validation.validate_items(VALIDATOR, [{"id": each} for each in ids], 5)
    bad = [index for index, each in enumerate(ids) if not isinstance(each, int)]
    assert [error.index for error in result.errors] == bad
    assert (result.valid, result.invalid) == (len(ids) - len(bad), len(bad))


def test_errors_name_the_place_in_the_item() -> None:
    result = validation.validate_items(VALIDATOR, [{"a/b": "today", "list": [1]}], 10)
    assert sorted(error.field for error in result.errors) == ["/a~1b", "/id", "/list/0"]


def test_at_most_so_many_errors_of_one_item_are_told() -> None:
    result = validation.validate_items(VALIDATOR, [{"id": 1, "list": [0] * 50}, {"id": 1, "list": [0] * 50}], 3)
    assert [error.index for error in result.errors] == [0, 0, 0, 1, 1, 1]
    assert result.invalid == 2


def test_a_reason_never_repeats_a_huge_value() -> None:
    result = validation.validate_items(VALIDATOR, [{"id": "x" * 100_000}], 1)
    assert len(result.errors[0].reason) <= validation.MAX_REASON_CHARACTERS


def test_the_answer_is_json_with_counts_and_errors() -> None:
    result = validation.validate_items(VALIDATOR, [{"id": 1}, {}], 1)
    assert orjson.loads(result.to_json()) == {
        "valid": 1,
        "invalid": 1,
        "errors": [{"index": 1, "field": "/id", "reason": '"id" is a required property'}],
    }


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"items":1}', b'{"items":[],"more":1}', b'{"items":[NaN]}'])
def test_other_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(NotJson):
        validation.read_items(body)


def test_batches_over_a_limit_are_refused() -> None:
    with pytest.raises(BatchTooLarge, match="items"):
        validation.read_items(orjson.dumps({"items": [0] * (validation.MAX_ITEMS + 1)}))
    with pytest.raises(BatchTooLarge, match="bytes"):
        validation.read_items(b" " * (validation.MAX_BATCH_BYTES + 1))


def test_a_batch_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "MAX_SECONDS", -1.0)
    with pytest.raises(BatchTooCostly):
        validation.validate_items(VALIDATOR, [{"id": 1}], 1)
