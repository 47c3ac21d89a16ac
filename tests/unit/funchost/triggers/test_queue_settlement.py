from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError, ServiceRequestError

from funchost.host_json import QueuesSection
from funchost.triggers.message_lease import MessageLease
from funchost.triggers.queue_settlement import QueueSettlement

_SETTINGS = QueuesSection.model_validate({"maxDequeueCount": 3, "visibilityTimeout": "00:00:07"})


class _Queue:
    """Notes the calls; `missing` makes the queue one that does not exist yet."""

    queue_name = "q"

    def __init__(self, *, missing: bool = False, away: bool = False) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._missing = missing
        self._away = away

    async def send_message(self, content: str, *, time_to_live: int) -> None:
        if self._away:
            raise ServiceRequestError("away")
        if self._missing:
            raise ResourceNotFoundError("no queue")
        self.calls.append(("send", content, time_to_live))

    async def create_queue(self) -> None:
        self._missing = False

    async def delete_message(self, message_id: str, receipt: str) -> None:
        self.calls.append(("delete", message_id, receipt))

    async def update_message(self, message_id: str, receipt: str, *, visibility_timeout: int) -> None:
        self.calls.append(("update", message_id, receipt, visibility_timeout))


def _message(dequeue_count: int) -> Any:
    return SimpleNamespace(id="m", content="Ym9keQ==", dequeue_count=dequeue_count, pop_receipt="r")


def _settle(queue: _Queue, poison: _Queue | None, dequeue_count: int) -> tuple[QueueSettlement, Any, MessageLease]:
    message = _message(dequeue_count)
    return QueueSettlement(queue, poison, _SETTINGS), message, MessageLease(queue, message)


async def test_success_deletes() -> None:
    queue = _Queue()
    settlement, message, lease = _settle(queue, _Queue(), 1)
    await settlement.succeed(message, lease)
    assert queue.calls == [("delete", "m", "r")]


async def test_a_failure_gives_the_message_back_after_the_visibility_timeout() -> None:
    queue, poison = _Queue(), _Queue()
    settlement, message, lease = _settle(queue, poison, 2)
    await settlement.fail(message, lease)
    assert queue.calls == [("update", "m", "r", 7)]
    assert poison.calls == []


@pytest.mark.parametrize("missing", [True, False])
async def test_the_last_failure_moves_the_message_whole_to_the_poison_queue(missing: bool) -> None:
    queue, poison = _Queue(), _Queue(missing=missing)
    settlement, message, lease = _settle(queue, poison, 3)
    await settlement.fail(message, lease)
    assert poison.calls == [("send", "Ym9keQ==", -1)]
    assert queue.calls == [("delete", "m", "r")]


async def test_a_message_that_cannot_be_poisoned_is_not_deleted() -> None:
    queue = _Queue()
    settlement, message, lease = _settle(queue, _Queue(away=True), 3)
    with pytest.raises(ServiceRequestError):
        await settlement.fail(message, lease)
    assert queue.calls == []


async def test_a_poison_queue_has_no_poison_queue() -> None:
    queue = _Queue()
    settlement, message, lease = _settle(queue, None, 3)
    await settlement.fail(message, lease)
    assert queue.calls == [("delete", "m", "r")]
