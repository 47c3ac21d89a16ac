"""A handler on one partition: its messages, without the copies."""

import struct
import time
from collections.abc import Sequence

from chassis.messaging.envelope import EnvelopeMessage
from chassis.storage.blobs import Blobs
from chassis.storage.keys import encode_key
from chassis.work import WorkContext
from functions.processing.messages.handlers import Handler, HandlerMessage, handler_named, run
from functions.processing.messages.processors import Outcome, Poisoned
from functions.processing.messages.seen import DIGEST_BYTES, SeenIds, digest
from functions.processing.messages.state_log import StateLog

CONTAINER = "processing-handlers"
MEMORY_US = 10 * 60 * 1_000_000
"""How long ids are remembered (the default of duplicate detection in Azure Service Bus)."""

BUCKET_US = 60 * 1_000_000
_HEAD = struct.Struct("<qI")


class HandlerProcessor:
    """Remembers the ids of what is done in a log of its own."""

    def __init__(self, found: Handler, log: StateLog) -> None:
        self._handler, self._log = found, log
        self._seen = SeenIds(BUCKET_US)

    async def load(self) -> None:
        """Read the ids that were done."""
        loaded = await self._log.load()
        for record in ([] if loaded.base is None else [loaded.base]) + list(loaded.records):
            for bucket, digests in _decoded(record):
                self._seen.add(bucket, digests)
        self._seen.forget_before(_now() - MEMORY_US)
        if loaded.is_sealed:
            await self._log.roll(self._base(), is_sealed=True)

    async def process(self, messages: Sequence[EnvelopeMessage], work: WorkContext) -> Outcome:
        """Run the handler on what is new."""
        new: dict[bytes, EnvelopeMessage] = {}
        for message in messages:
            mark = digest(message.id)
            if mark not in self._seen:
                new.setdefault(mark, message)
        given = [HandlerMessage(item.id, item.key, item.data, work.tenant) for item in new.values()]
        refused = await run(self._handler, given) if given else {}
        done = [mark for mark, message in new.items() if message.id not in refused]
        if done:
            bucket = self._seen.bucket_of(_now())
            await self._log.append([_encoded(bucket, done)])
            self._seen.add(bucket, done)
        poisoned = [Poisoned(item, refused[item.id]) for item in new.values() if item.id in refused]
        return Outcome(poisoned, duplicates=len(messages) - len(new))

    async def tick(self) -> None:
        """Forget old ids, and keep the log short."""
        self._seen.forget_before(_now() - MEMORY_US)
        if self._log.is_long:
            await self._log.roll(self._base())

    def close(self) -> None:
        """Nothing is held."""

    def _base(self) -> bytes:
        return b"".join(_encoded(bucket, list(digests)) for bucket, digests in self._seen.buckets())


class HandlerOpener:
    """Opens handlers' processors."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def open(self, tenant: str, name: str, partition: int) -> HandlerProcessor:
        """The processor of a handler for a tenant's messages. Raises UnknownTarget."""
        found = handler_named(name)
        prefix = f"{partition}/{encode_key(tenant)}/{encode_key(name)}"
        processor = HandlerProcessor(found, StateLog(self._blobs, CONTAINER, prefix))
        await processor.load()
        return processor


def _now() -> int:
    return time.time_ns() // 1000


def _encoded(bucket: int, digests: Sequence[bytes]) -> bytes:
    return _HEAD.pack(bucket, len(digests)) + b"".join(digests)


def _decoded(body: bytes) -> list[tuple[int, list[bytes]]]:
    found = []
    at = 0
    while at < len(body):
        bucket, count = _HEAD.unpack_from(body, at)
        at += _HEAD.size
        found.append((bucket, [body[at + n * DIGEST_BYTES : at + (n + 1) * DIGEST_BYTES] for n in range(count)]))
        at += count * DIGEST_BYTES
    return found
