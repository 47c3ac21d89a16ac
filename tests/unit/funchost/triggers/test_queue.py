import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
import pytest
from azure.core.exceptions import ResourceNotFoundError, ServiceRequestError

from funchost.definitions import Binding, FunctionDefinition
from funchost.function import BoundFunction
from funchost.host_json import QueuesSection
from funchost.invoker import Invoker
from funchost.signature import plan_call
from funchost.storage import StorageConnections
from funchost.triggers.queue import QueueListener


class _Queue:
    """A queue in memory; `errors` are raised by the next fetches, in order."""

    def __init__(self, count: int = 0, errors: tuple[Exception, ...] = ()) -> None:
        self.waiting = [self._message(i) for i in range(count)]
        self.errors = list(errors)
        self.deleted: list[str] = []
        self.fetches = 0
        self.is_created = False

    @staticmethod
    def _message(number: int) -> Any:
        return SimpleNamespace(
            id=str(number),
            content=base64.b64encode(b"m%d" % number).decode(),
            dequeue_count=1,
            pop_receipt="r",
            inserted_on=None,
            expires_on=None,
            next_visible_on=None,
        )

    async def receive_messages(self, *, max_messages: int, **_: Any) -> AsyncIterator[Any]:
        self.fetches += 1
        if self.errors:
            raise self.errors.pop(0)
        batch, self.waiting = self.waiting[:max_messages], self.waiting[max_messages:]
        for message in batch:
            yield message

    async def create_queue(self, **_: Any) -> None:
        self.is_created = True

    async def delete_message(self, message_id: str, receipt: str) -> None:
        self.deleted.append(message_id)


class _Gate:
    """A function that waits to be let go, and counts how many wait at once."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.running = 0
        self.most = 0

    async def __call__(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        await self.open.wait()
        self.running -= 1


def _listener(queue: _Queue, gate: _Gate, **settings: Any) -> QueueListener:
    async def work(msg: func.QueueMessage) -> None:
        await gate()

    trigger = Binding("msg", "queueTrigger", False, {})
    definition = FunctionDefinition("work", work, Path("/app/function_app.py"), (trigger,), trigger)
    storage = SimpleNamespace(queues=lambda connection: SimpleNamespace(get_queue_client=lambda name: queue))
    return QueueListener(
        BoundFunction(definition, plan_call(definition)),
        Invoker(),
        cast(StorageConnections, storage),
        connection="",
        queue_name="q",
        settings=QueuesSection.model_validate({"maxPollingInterval": "00:00:00.100", **settings}),
    )


async def _turns() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_new_batch_is_fetched_only_at_the_threshold() -> None:
    queue, gate = _Queue(20), _Gate()
    listener = _listener(queue, gate, batchSize=4, newBatchThreshold=2)
    await listener.start()
    await _turns()
    assert (queue.fetches, gate.running) == (1, 4)
    gate.open.set()
    await _turns()
    await listener.stop()
    await listener.drained()
    assert sorted(queue.deleted, key=int) == [str(i) for i in range(20)]
    assert gate.most <= 6


async def test_stopping_fetches_no_more_but_settles_what_was_fetched() -> None:
    queue, gate = _Queue(20), _Gate()
    listener = _listener(queue, gate, batchSize=4)
    await listener.start()
    await _turns()
    await listener.stop()
    gate.open.set()
    await listener.drained()
    assert sorted(queue.deleted, key=int) == ["0", "1", "2", "3"]
    assert len(queue.waiting) == 16


async def test_a_missing_queue_is_created() -> None:
    queue = _Queue(errors=(ResourceNotFoundError("no queue"),))
    listener = _listener(queue, _Gate())
    await listener.start()
    await listener.stop()
    await listener.drained()
    assert queue.is_created


@pytest.mark.parametrize("error", [ServiceRequestError("refused"), RuntimeError("a fault in the SDK")])
async def test_no_error_ends_the_listening_and_an_outage_is_told_once(
    error: Exception, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, gate = _Queue(1, errors=(error, error, error)), _Gate()
    gate.open.set()
    listener = _listener(queue, gate)

    async def no_waiting(delay_s: float) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(listener, "_sleep", no_waiting)
    with caplog.at_level("INFO"):
        await listener.start()
        await _turns()
        await listener.stop()
        await listener.drained()
    assert queue.deleted == ["0"]
    told = [record.getMessage() for record in caplog.records if record.name == "Host.Queues"]
    assert [("cannot be reached" in line, "is reached again" in line) for line in told] == [
        (True, False),
        (False, True),
    ]


async def test_an_empty_queue_is_never_polled_faster_than_by_the_official_host(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, slept, fetched = _Queue(), list[float](), list[int]()
    listener = _listener(queue, _Gate(), maxPollingInterval="00:01:00")

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)
        fetched.append(queue.fetches)
        if len(slept) == 20:
            await listener.stop()

    monkeypatch.setattr(listener, "_sleep", sleep)
    await listener.start()
    await listener.drained()
    assert fetched == list(range(1, 21))  # each fetch is followed by a wait, and each wait by one fetch
    shortest = [0.1] + [0.1 + 0.8 * 0.1 * 2**n for n in range(19)]
    assert all(delay_s >= min(60.0, official_s) for delay_s, official_s in zip(slept, shortest, strict=True))
    assert slept[-5:] == [60.0] * 5


async def test_a_message_that_the_host_sent_itself_is_fetched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, gate = _Queue(), _Gate()
    gate.open.set()
    listener = _listener(queue, gate)
    monkeypatch.setattr(listener._backoff, "next_delay_s", lambda: 3600.0)
    await listener.start()
    await _turns()
    assert queue.fetches == 1
    queue.waiting = _Queue(1).waiting
    listener.wake()
    await _turns()
    await listener.stop()
    await listener.drained()
    assert queue.deleted == ["0"]
