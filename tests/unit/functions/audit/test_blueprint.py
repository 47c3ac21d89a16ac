"""What the audit trigger makes of a message."""

from typing import Any

import azure.functions as func
import orjson
import pytest

from chassis.messaging.message import MalformedMessage
from functions.audit import blueprint
from functions.audit.entry import Entry


class Log:
    """Takes entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def append(self, entry: Entry) -> None:
        self.entries.append(entry)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    taking = Log()
    monkeypatch.setattr(blueprint, "appender", lambda: taking)
    return taking


def event(number: int) -> dict[str, Any]:
    return {"specversion": "1.0", "id": str(number), "source": "/a", "type": f"a.b{number}", "tenantid": "acme"}


async def receive(body: Any) -> None:
    await blueprint.audit_append_event._function.get_user_function()(func.QueueMessage(body=orjson.dumps(body)))


async def test_each_event_of_a_batch_is_appended_in_order(log: Log) -> None:
    await receive([event(1), event(2), event(3)])
    await receive(event(4))
    assert [entry.type for entry in log.entries] == ["a.b1", "a.b2", "a.b3", "a.b4"]


async def test_an_unreadable_event_takes_no_other_of_its_batch_with_it(log: Log) -> None:
    with pytest.raises(MalformedMessage):
        await receive([event(1), {"no": "event"}, event(3)])
    assert [entry.type for entry in log.entries] == ["a.b1", "a.b3"]
