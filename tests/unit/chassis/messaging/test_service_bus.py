"""What is sent to Service Bus, checked on the SDK's own messages; no namespace is reached."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusConnectionError

from chassis.errors import DependencyUnavailable
from chassis.messaging.events import EventTopic
from chassis.messaging.message import Announced, read_message
from chassis.messaging.service_bus import CONTENT_TYPE, TOPIC, ServiceBusQueues, bus_message
from chassis.models import Contract
from chassis.settings import AZURITE


class Work(Contract):
    number: int


class Recording(ServiceBusQueues):
    """Keeps what would be sent."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__(AZURITE, "test", "sb-test.servicebus.windows.net", None)  # type: ignore[arg-type]
        self.sent: list[tuple[str, ServiceBusMessage]] = []
        self.fails = fails
        self.sends = 0

    def _sender(self, entity: str) -> Any:
        queues = self

        class Sender:
            async def send_messages(self, messages: list[ServiceBusMessage]) -> None:
                if queues.fails:
                    raise ServiceBusConnectionError(message="away")
                queues.sends += 1
                queues.sent += [(entity, message) for message in messages]

        return Sender()


def body_of(message: ServiceBusMessage) -> bytes:
    return b"".join(message.body)


async def test_a_command_carries_its_id_and_is_read_like_one_of_a_storage_queue() -> None:
    queues = Recording()
    await queues.send("work-commands", "work.do", Work(number=7), id="c1", tenant="t", principal="p")
    [(entity, message)] = queues.sent
    assert (entity, message.message_id, message.content_type) == ("work-commands", "c1", CONTENT_TYPE)
    assert read_message(body_of(message), Work).data.number == 7


def test_a_command_for_later_is_scheduled() -> None:
    message = bus_message(b'{"id": "c1"}', visible_after_s=60)
    assert message.scheduled_enqueue_time_utc is not None
    assert message.scheduled_enqueue_time_utc - datetime.now(UTC) > timedelta(seconds=50)
    assert bus_message(b'{"id": "c1"}').scheduled_enqueue_time_utc is None


async def test_an_event_goes_to_the_topic_once_with_its_type_as_subject() -> None:
    queues = Recording()
    topic = EventTopic(queues, {"audit-events": ("*",), "workflow-events": ("job.*",)})
    await topic.publish([Announced("job.completed", json.dumps({"id": "e1"}).encode())])
    [(entity, message)] = queues.sent
    assert (entity, message.subject, message.message_id) == (TOPIC, "job.completed", "e1")


async def test_events_of_one_change_are_sent_together_as_far_as_a_send_may_be_large() -> None:
    queues = Recording()
    bodies = [json.dumps({"id": str(number), "text": "x" * 40_000}).encode() for number in range(5)]
    await EventTopic(queues, {}).publish([Announced("job.completed", body) for body in bodies])
    assert [message.message_id for _, message in queues.sent] == ["0", "1", "2", "3", "4"]
    assert queues.sends == 2


async def test_partitions_stay_storage_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[str] = []

    async def put(self: object, queue: str, body: bytes, *, visible_after_s: int = 0) -> None:
        stored.append(queue)

    monkeypatch.setattr("chassis.messaging.queues.Queues.put", put)
    queues = Recording()
    await queues.put("processing-messages-3", b"{}")
    assert stored == ["processing-messages-3"]
    assert queues.sent == []


async def test_a_namespace_that_is_away_is_a_missing_dependency() -> None:
    with pytest.raises(DependencyUnavailable, match="work-commands"):
        await Recording(fails=True).put("work-commands", b'{"id": "c1"}')
