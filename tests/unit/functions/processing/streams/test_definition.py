from typing import Any

import pytest
from pydantic import ValidationError

from functions.processing.schemas import SchemaReference
from functions.processing.streams.definition import StreamDefinition, StreamRequest

GOOD: dict[str, Any] = {
    "key": "k",
    "eventTime": "t",
    "schema": {"k": "string", "t": "timestamp", "v": "number"},
    "window": {"type": "tumbling", "sizeS": 60},
    "query": "SELECT COUNT(*) AS n FROM input",
}


def test_a_definition_survives_the_way_to_its_row_and_back() -> None:
    stream = StreamDefinition.model_validate(GOOD)
    assert StreamDefinition.model_validate_json(stream.model_dump_json(by_alias=True)) == stream


@pytest.mark.parametrize(("changes", "reason"), [
    ({"key": "other"}, "'other' is not a field"),
    ({"eventTime": "v"}, "a timestamp, or an integer"),
    ({"key": "v"}, "more than one spelling"),
    ({"required": ["other"]}, "'other' is not a field"),
    ({"schema": {"k": "string", "K": "string", "t": "timestamp"}}, "differ by case"),
    ({"schema": {"__start": "string", "k": "string", "t": "timestamp"}}, "pattern"),
    ({"window": {"type": "sliding", "sizeS": 10, "everyS": 20}}, "greater than the size"),
    ({"window": {"type": "sliding", "sizeS": 1000, "everyS": 1}}, "more than 200 windows"),
    ({"window": {"type": "hopping"}}, "hopping"),
    ({"watermarkDelayS": -1}, "greater than or equal to 0"),
    ({"extra": 1}, "Extra inputs"),
])  # fmt: skip
def test_a_definition_that_can_not_work_is_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        StreamDefinition.model_validate({**GOOD, **changes})


@pytest.mark.parametrize(("window", "early_every_s", "is_so"), [
    ({"type": "session", "gapS": 5}, 1, True),
    ({"type": "session", "gapS": 5}, None, False),
    ({"type": "tumbling", "sizeS": 5}, 1, False),
])  # fmt: skip
def test_only_sessions_with_early_results_are_given_under_changing_bounds(
    window: dict[str, Any], early_every_s: float | None, is_so: bool
) -> None:
    stream = StreamDefinition.model_validate({**GOOD, "window": window, "trigger": {"earlyEveryS": early_every_s}})
    assert stream.has_early_sessions == is_so


@pytest.mark.parametrize(("window", "changes", "is_so"), [
    ({"type": "session", "gapS": 5}, {"trigger": {"earlyEveryS": 1}}, True),
    ({"type": "session", "gapS": 5}, {"allowedLatenessS": 5}, False),
    ({"type": "tumbling", "sizeS": 5}, {"allowedLatenessS": 5}, True),
    ({"type": "tumbling", "sizeS": 5}, {"trigger": {"earlyEveryS": 1}}, True),
    ({"type": "sliding", "sizeS": 5, "everyS": 1}, {}, False),
])  # fmt: skip
def test_windows_are_given_more_than_once_when_they_come_early_or_take_what_is_late(
    window: dict[str, Any], changes: dict[str, Any], is_so: bool
) -> None:
    assert StreamDefinition.model_validate({**GOOD, "window": window, **changes}).has_many_panes == is_so


@pytest.mark.parametrize(("schema", "is_reference"), [
    ({"name": "reading"}, True),
    ({"name": "reading", "version": 3}, True),
    ({"name": "reading", "version": "latest"}, True),
    ({"name": "string"}, True),
    ({"name": "string", "version": "integer"}, False),
    ({"name": "string", "t": "timestamp"}, False),
])  # fmt: skip
def test_a_schema_is_named_or_has_the_fields(schema: dict[str, Any], is_reference: bool) -> None:
    request = StreamRequest.model_validate({**GOOD, "key": None, "schema": schema})
    assert isinstance(request.schema_, SchemaReference) == is_reference
