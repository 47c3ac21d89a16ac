"""Events for code that is in memory are the SDK's own."""

from datetime import UTC, datetime
from typing import Any

import pytest
from azure.durable_functions.models.history import HistoryEvent

from funchost.durable.events import EventType, format_time
from funchost.durable.live import _event, keeping

TIME = format_time(datetime(2026, 3, 4, 5, 6, 7, 891234, tzinfo=UTC))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (EventType.ORCHESTRATOR_STARTED, {}),
        (EventType.TASK_COMPLETED, {"TaskScheduledId": 3, "Result": "[1]"}),
        (EventType.EVENT_RAISED, {"Name": "go", "Input": '"x"'}),
    ],
)
def test_an_event_is_what_the_sdk_makes_of_it(kind: EventType, fields: dict[str, Any]) -> None:
    item = {"EventType": int(kind), "EventId": -1, "IsPlayed": False, "Timestamp": TIME, **fields}
    assert vars(_event(dict(item))) == vars(HistoryEvent(**item))


def test_a_function_of_another_kind_stays_as_it_is() -> None:
    assert keeping(len) is len
