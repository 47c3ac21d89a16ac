"""What an event on the service's queue tells, whatever its data is."""

from typing import Any

import pytest

from chassis.messaging.message import new_event, read_message, to_json
from functions.workflow.schemas import EventData


@pytest.mark.parametrize(
    ("data", "wanted"),
    [({"id": "a", "n": 1}, "a"), ({"id": 5}, None), (7, None), (None, None), ("text", None), ([], None)],
)
def test_data_of_any_kind_is_read(data: Any, wanted: str | None) -> None:
    body = to_json(new_event("x.y", data, source="workflow", tenant="t", principal="p"))
    assert read_message(body, EventData).data.id == wanted
