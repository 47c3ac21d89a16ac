"""The blob trigger's listener: looks for new versions of blobs, and hands each on once."""

import asyncio
import base64
import contextlib
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from funchost.function import BoundFunction
from funchost.host_id import function_id
from funchost.host_json import ExtensionsSection
from funchost.invoker import Invoker
from funchost.storage import StorageConnections
from funchost.triggers.backoff import PollingBackoff
from funchost.triggers.blob_pattern import BlobPattern
from funchost.triggers.blob_receipts import BlobReceipts
from funchost.triggers.blob_work import BlobWorkListener, work_message, work_queue

_LONGEST_PAUSE = timedelta(seconds=10)  # the official host looks through a container every 10 seconds
_FAILURES_TO_TELL = 2
_PRUNE_EVERY_S = 3600.0
_CLOCK_SKEW = timedelta(minutes=15)  # more of it, and the service refuses our requests anyway
log = logging.getLogger("Host.Blobs")


class BlobListener:
    """Scans one container for one function.

    Blobs that are there before the first start count as new, as with the official host. `_seen` holds the newest etag
    of every blob that matches, so that an unchanged container costs one listing per scan.
    """

    def __init__(
        self,
        function: BoundFunction,
        invoker: Invoker,
        storage: StorageConnections,
        *,
        connection: str,
        host_connection: str,
        pattern: BlobPattern,
        host_id: str,
        settings: ExtensionsSection,
    ) -> None:
        self._id = function_id(function.name)
        self._pattern = pattern
        self._container: Any = storage.blobs(connection).get_container_client(pattern.container)
        self._receipts = BlobReceipts(storage.blobs(host_connection), host_id, self._id, pattern.container)
        queue_name = work_queue(host_id, self._id)
        self._queue: Any = storage.queues(connection).get_queue_client(queue_name)
        self._work = BlobWorkListener(
            function,
            invoker,
            storage,
            connection=connection,
            queue_name=queue_name,
            queues=settings.queues,
            blobs=settings.blobs,
            pattern=pattern,
        )
        self._backoff = PollingBackoff(min(_LONGEST_PAUSE, settings.queues.max_polling_interval))
        self._seen: dict[str, str] = {}
        self._prune_at = 0.0
        self._stopping = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._failures = 0

    async def start(self) -> None:
        """Begin to scan and to work off; a service that is away is retried."""
        await self._work.start()
        self._loop = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Notice no more blobs and take no more noticed ones."""
        self._stopping.set()
        await self._work.stop()

    async def drained(self) -> None:
        """Return when every blob that was taken is settled."""
        if self._loop is not None:
            await asyncio.gather(self._loop, return_exceptions=True)
        await self._work.drained()

    async def _listen(self) -> None:
        while not self._stopping.is_set():
            delay_s = await self._poll()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay_s)

    async def _poll(self) -> float:
        """One scan; returns the seconds to wait before the next."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            noticed = await self._scan()
        except ResourceNotFoundError:  # the container is not there yet
            noticed = 0
        except Exception as error:  # noqa: BLE001 (the listener's edge: whatever the SDK raises, listening goes on)
            return self._note_failure(error)
        if self._failures >= _FAILURES_TO_TELL:
            log.info("The container %s is reached again", self._pattern.container)
        self._failures = 0
        if noticed:
            self._backoff.found()
            self._work.wake()
        return self._backoff.next_delay_s()

    async def _scan(self) -> int:
        """Notice what is new; returns how many versions were."""
        noticed, seen, listed = 0, dict[str, str](), dict[str, str]()
        async for blob in self._container.list_blobs(name_starts_with=self._pattern.prefix or None):
            if self._stopping.is_set():
                break
            if self._pattern.match(blob.name) is None:
                continue
            listed[blob.name] = blob.etag.strip('"')
            if self._seen.get(blob.name) == blob.etag or await self._notice(blob.name, blob.etag):
                noticed += self._seen.get(blob.name) != blob.etag
                seen[blob.name] = blob.etag
        else:
            await self._prune(listed)
        self._seen = seen
        return noticed

    async def _prune(self, listed: Mapping[str, str]) -> None:
        """After a whole scan, now and then: let go of the receipts of versions that are gone."""
        now = time.monotonic()
        if now < self._prune_at:
            return
        self._prune_at = now + _PRUNE_EVERY_S

        def is_gone(name: str, etag: str) -> bool:
            return self._pattern.match(name) is not None and listed.get(name) != etag

        pruned = await self._receipts.prune(is_gone, datetime.now(UTC) - _CLOCK_SKEW)
        if pruned:
            log.debug("Pruned %d receipts of %s", pruned, self._pattern.container)

    async def _notice(self, name: str, etag: str) -> bool:
        async def enqueue() -> None:
            message = work_message(self._id, self._pattern.container, name, etag)
            await self._queue.send_message(base64.b64encode(message).decode(), time_to_live=-1)

        return await self._receipts.once(name, etag, enqueue)

    def _note_failure(self, error: Exception) -> float:
        self._failures += 1
        if self._failures == _FAILURES_TO_TELL:
            message = str(error).splitlines()[0] if str(error) else ""
            log.warning(
                "The container %s cannot be scanned and is retried: %s: %s",
                self._pattern.container,
                type(error).__name__,
                message,
            )
        return min(5.0, 0.1 * float(2 ** min(self._failures, 10)))
