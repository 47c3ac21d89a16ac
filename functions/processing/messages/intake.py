"""Envelopes of one partition: fetched ahead, kept hidden while they are worked on, removed when they are done."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from azure.core.exceptions import AzureError

from chassis.errors import PlatformError
from chassis.messaging.envelope import Envelope, EnvelopeMessage, read_claim, unpack
from chassis.messaging.message import MalformedMessage
from chassis.messaging.receiver import MAX_RECEIVED, QueueReceiver, ReceivedMessage
from chassis.storage.blobs import Container

VISIBILITY_S = 30
RENEW_AFTER_S = 12.0
AHEAD = 4000
"""So many messages are fetched ahead at least."""

LARGE = 200
"""Envelopes of more messages are fetched a few at a time, for the memory's sake."""

FEW = 4
_IDLE_MIN_S, _IDLE_MAX_S = 0.05, 1.0
_SETTLING = 16
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Held:
    """An envelope that this node works on; `problem` says why it can't be read, then it has no messages."""

    message: ReceivedMessage
    envelope: Envelope | None
    messages: Sequence[EnvelopeMessage] = ()
    problem: str | None = None
    hidden_at: float = field(default_factory=monotonic)
    is_settling: bool = False

    @property
    def count(self) -> int:
        """Its messages."""
        return self.envelope.count if self.envelope is not None else 1


class Intake:
    """Fetches, renews and settles. `start` it, `take` from it, `settle` what is done, `stop` it."""

    def __init__(self, receiver: QueueReceiver, claims: Container, *, ahead: int = AHEAD) -> None:
        self._receiver, self._claims, self._ahead = receiver, claims, ahead
        self._waiting: deque[Held] = deque()
        self._held: set[Held] = set()
        self._arrived, self._room = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._settling: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_SETTLING)
        self._mean = 1.0
        self.is_empty = False

    @property
    def held(self) -> int:
        """Messages that this node has taken from the queue and not settled."""
        return sum(item.count for item in self._held)

    def start(self) -> None:
        """Begin to fetch."""
        self._tasks = [asyncio.create_task(self._fetch()), asyncio.create_task(self._renew())]

    async def stop(self) -> None:
        """Fetch no more and give back at once what nobody has begun to work on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._settling, return_exceptions=True)
        await asyncio.gather(*(self._receiver.extend(item.message, 0) for item in self._held), return_exceptions=True)

    async def take(self, most: int, wait_s: float) -> list[Held]:
        """Envelopes of about `most` messages, in order; at least one when one comes within the time."""
        if not self._waiting:
            self._arrived.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
            except TimeoutError:
                return []
        taken: list[Held] = []
        count = 0
        while self._waiting and (not taken or count + self._waiting[0].count <= most):
            item = self._waiting.popleft()
            taken.append(item)
            count += item.count
        self._room.set()
        return taken

    def settle(self, item: Held) -> None:
        """Remove a done envelope, in the background."""
        item.is_settling = True
        task = asyncio.create_task(self._settle(item))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self, item: Held) -> None:
        try:
            async with self._slots:
                await self._receiver.delete(item.message)
                if item.envelope is not None and item.envelope.claim is not None:
                    await self._claims.delete(item.envelope.claim)
        except (PlatformError, AzureError) as error:
            # It comes back and is found to be a copy.
            log.warning("a done envelope could not be removed: %s", error)
        finally:
            self._held.discard(item)
            self._room.set()

    async def _fetch(self) -> None:
        idle_s = _IDLE_MIN_S
        while True:
            while self.held >= 2 * self._ahead:
                self._room.clear()
                await self._room.wait()
            try:
                found = await self._receiver.receive(MAX_RECEIVED if self._mean < LARGE else FEW, VISIBILITY_S)
                opened = await asyncio.gather(*map(self._open, found))
            except PlatformError as error:
                log.warning("a partition can't be read: %s", error)
                await asyncio.sleep(_IDLE_MAX_S)
                continue
            self.is_empty = not found
            if not found:
                await asyncio.sleep(idle_s)
                idle_s = min(idle_s * 2, _IDLE_MAX_S)
                continue
            idle_s = _IDLE_MIN_S
            self._mean = sum(item.count for item in opened) / len(opened)
            self._held.update(opened)
            self._waiting.extend(opened)
            self._arrived.set()

    async def _open(self, message: ReceivedMessage) -> Held:
        try:
            envelope = unpack(message.body)
            if envelope.claim is None:
                return Held(message, envelope, envelope.messages)
            body = await self._claims.get(envelope.claim)
        except (MalformedMessage, ValueError) as error:
            return Held(message, None, problem=str(error))
        if body is None:
            # The blob was there before the envelope and goes after it: this is a copy of an envelope that is done.
            return Held(message, envelope)
        try:
            return Held(message, envelope, read_claim(body))
        except MalformedMessage as error:
            return Held(message, envelope, problem=str(error))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_AFTER_S / 3)
            old = [item for item in self._held if monotonic() - item.hidden_at > RENEW_AFTER_S and not item.is_settling]
            for item in old:
                try:
                    item.hidden_at = monotonic()
                    await self._receiver.extend(item.message, VISIBILITY_S)
                except PlatformError as error:
                    log.warning("an envelope could not be kept hidden: %s", error)
