"""The producer of partitioned messages: batches by size, count and linger, as Kafka's and Event Hubs' producers do.

Messages of one tenant, target and partition travel together in an envelope. `send` waits for room (back-pressure)
and gives a future that ends when the message is stored in its partition, or with the reason why it is not. A message
with an id that was sent before is counted once by the receiver, so a send that failed may be repeated.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, Self
from uuid import uuid4

from chassis.errors import DependencyUnavailable, InvalidInput, PayloadTooLarge
from chassis.messaging.envelope import (
    CLAIMS,
    MAX_ENVELOPE_BYTES,
    MAX_MESSAGES,
    OutgoingMessage,
    fits_queue,
    messages_json,
    pack,
)
from chassis.messaging.partitions import partition_of, queue_of
from chassis.messaging.queues import Queues
from chassis.storage.blobs import Blobs
from chassis.storage.keys import encode_key
from chassis.work import WorkContext

MAX_ID_CHARS = 200


@dataclass(frozen=True)
class ProducerOptions:
    """When a batch is sent: at so many messages or bytes, or so long (seconds) after its first message.

    `max_pending_bytes` is what may wait in memory; past it `send` waits. `in_flight` is how many envelopes are on
    their way at once: of one partition only one, so that messages of a key stay in order.
    """

    max_messages: int = 1000
    max_bytes: int = MAX_ENVELOPE_BYTES
    linger_s: float = 0.02
    max_pending_bytes: int = 32 * 1024 * 1024
    in_flight: int = 8

    def __post_init__(self) -> None:
        if not 1 <= self.max_messages <= MAX_MESSAGES or not 1 <= self.max_bytes <= MAX_ENVELOPE_BYTES:
            raise ValueError(f"a batch has 1 to {MAX_MESSAGES:,} messages and at most {MAX_ENVELOPE_BYTES:,} bytes")
        if self.linger_s < 0 or self.in_flight < 1 or self.max_pending_bytes < self.max_bytes:
            raise ValueError("linger is not negative, in_flight at least 1, and a batch fits what may be pending")


class ProducerClosed(DependencyUnavailable):
    """The producer was closed before the message was sent."""

    code, title = "platform.producer-closed", "The producer is closed"


class EnvelopeTransport(Protocol):
    """Stores envelopes. Raises PlatformError when it can't."""

    async def put(self, partition: int, target: str, messages: list[OutgoingMessage], work: WorkContext) -> None:
        """Store one envelope in a partition."""


class QueueTransport:
    """Envelopes on the partitions' storage queues, large ones with their messages in a blob."""

    def __init__(self, queues: Queues, blobs: Blobs) -> None:
        self._queues = queues
        self._claims = blobs.container(CLAIMS)

    async def put(self, partition: int, target: str, messages: list[OutgoingMessage], work: WorkContext) -> None:
        """The blob first, so that no envelope is without its messages."""
        claim = None
        if not fits_queue(messages):
            claim = f"{partition}/{encode_key(work.tenant)}/{uuid4().hex}"
            await self._claims.put(claim, messages_json(messages), content_type="application/json")
        await self._queues.put(queue_of(partition), pack(target, messages, work, claim=claim))


@dataclass
class _Batch:
    """Messages of one lane that travel together."""

    messages: list[OutgoingMessage] = field(default_factory=list)
    delivered: list[asyncio.Future[None]] = field(default_factory=list)
    bytes: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class _Lane:
    """What one envelope has in common."""

    partition: int
    target: str
    work: WorkContext


class Producer:
    """Sends messages in batches; use as an async context manager, or `close` it. For one event loop."""

    def __init__(self, transport: EnvelopeTransport, options: ProducerOptions | None = None) -> None:
        self._transport = transport
        self._options = options or ProducerOptions()
        self._open: dict[_Lane, list[_Batch]] = {}
        self._senders: dict[_Lane, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(self._options.in_flight)
        self._pending_bytes = 0
        self._room = asyncio.Condition()
        self._flushing = 0
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(
        self, target: str, data: Any, *, key: str = "", id: str | None = None, work: WorkContext | None = None
    ) -> Awaitable[None]:
        """Take a message; await the result to know that it is stored.

        `work` is whose message it is (default: the present call's). Raises InvalidInput or PayloadTooLarge when the
        message can never be sent, ProducerClosed after `close`.
        """
        message = encoded(id or uuid4().hex, key, data, self._options.max_bytes)
        work = work or WorkContext.capture()
        lane = _Lane(partition_of(work.tenant, target, key), target, work.model_copy(update={"traceparent": None}))
        await self._wait_for_room(len(message.body))
        if self._is_closed:
            await self._give_back(len(message.body))
            raise ProducerClosed
        return self._enqueue(lane, message)

    async def flush(self) -> None:
        """Send what waits, without lingering, and return when nothing is on its way; the futures tell how it went."""
        self._flushing += 1
        try:
            while self._senders:
                for batches in self._open.values():
                    for batch in batches:
                        batch.full.set()
                await asyncio.wait(set(self._senders.values()))
        finally:
            self._flushing -= 1

    async def close(self) -> None:
        """Take no more, and flush."""
        self._is_closed = True
        async with self._room:
            self._room.notify_all()
        await self.flush()

    async def _wait_for_room(self, size: int) -> None:
        async with self._room:
            await self._room.wait_for(
                lambda: self._is_closed or self._pending_bytes + size <= self._options.max_pending_bytes
            )
            self._pending_bytes += size

    async def _give_back(self, size: int) -> None:
        async with self._room:
            self._pending_bytes -= size
            self._room.notify_all()

    def _enqueue(self, lane: _Lane, message: OutgoingMessage) -> asyncio.Future[None]:
        batches = self._open.setdefault(lane, [])
        options = self._options
        if not batches or batches[-1].full.is_set() or batches[-1].bytes + len(message.body) + 1 > options.max_bytes:
            if batches:
                batches[-1].full.set()
            batches.append(_Batch())
        batch = batches[-1]
        delivered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        delivered.add_done_callback(_retrieve)
        batch.messages.append(message)
        batch.delivered.append(delivered)
        batch.bytes += len(message.body) + 1
        if self._flushing or len(batch.messages) >= options.max_messages or batch.bytes >= options.max_bytes:
            batch.full.set()
        if lane not in self._senders:
            self._senders[lane] = asyncio.create_task(self._send_lane(lane))
        return delivered

    async def _send_lane(self, lane: _Lane) -> None:
        """Send the batches of a lane, one after the other, until there are none."""
        try:
            while batches := self._open.get(lane):
                await self._linger(batches[0])
                batch = batches.pop(0)
                batch.full.set()
                async with self._slots:
                    await self._send(lane, batch)
        finally:
            self._open.pop(lane, None)
            del self._senders[lane]

    async def _linger(self, batch: _Batch) -> None:
        try:
            async with asyncio.timeout(self._options.linger_s):
                await batch.full.wait()
        except TimeoutError:
            return

    async def _send(self, lane: _Lane, batch: _Batch) -> None:
        error: Exception | None = None
        try:
            await self._transport.put(lane.partition, lane.target, batch.messages, lane.work)
        except Exception as failure:  # noqa: BLE001 - told to whoever waits for a message of this batch
            error = failure
        for delivered in batch.delivered:
            if not delivered.done():
                delivered.set_exception(error) if error else delivered.set_result(None)
        await self._give_back(sum(len(message.body) for message in batch.messages))


def encoded(id: str, key: str, data: Any, max_bytes: int = MAX_ENVELOPE_BYTES) -> OutgoingMessage:
    """The message as it travels. Raises InvalidInput or PayloadTooLarge when it can't."""
    if not 0 < len(id) <= MAX_ID_CHARS:
        raise InvalidInput(f"a message id has 1 to {MAX_ID_CHARS} characters")
    try:
        message = OutgoingMessage.of(id, key, data)
    except TypeError as error:
        raise InvalidInput(f"the message can't be written as JSON: {error}") from None
    if len(message.body) + 1 > max_bytes:
        raise PayloadTooLarge(f"a message of {len(message.body):,} bytes; at most {max_bytes:,} are taken")
    return message


async def delivered(sent: Iterable[Awaitable[None]]) -> list[BaseException | None]:
    """Wait for sent messages: for each None, or why it is not stored."""
    return list(await asyncio.gather(*sent, return_exceptions=True))


def _retrieve(future: asyncio.Future[None]) -> None:
    """Nobody need wait for a message; its failure is no news to the event loop."""
    if not future.cancelled():
        future.exception()
