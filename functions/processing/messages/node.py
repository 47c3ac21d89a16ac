"""A processing node: this process's share of the partitions."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chassis.messaging.envelope import CLAIMS
from chassis.messaging.partitions import queue_of
from chassis.messaging.queues import Queues
from chassis.storage.blobs import Blobs
from functions.processing.messages.intake import Intake
from functions.processing.messages.measures import Measures
from functions.processing.messages.ownership import Ownership
from functions.processing.messages.poison import PoisonStore
from functions.processing.messages.processors import Opens
from functions.processing.messages.worker import PartitionWorker, Target

LEASES = "processing-partitions"


class ProcessingNode:
    """Owns partitions and works on them. It begins with the first trigger of the process (see `ensure`)."""

    def __init__(
        self,
        queues: Queues,
        blobs: Blobs,
        poison: PoisonStore,
        measures: Measures,
        openers: Mapping[str, Opens],
        found: Callable[[int], Awaitable[Sequence[Target]]],
    ) -> None:
        self._queues, self._blobs, self._poison = queues, blobs, poison
        self._measures, self._openers, self._found = measures, openers, found
        self._workers: dict[int, PartitionWorker] = {}
        self._ownership = Ownership(blobs.leases(LEASES), self._begin, self._end)
        self._is_started = False

    @property
    def partitions(self) -> tuple[int, ...]:
        """The partitions that this node owns."""
        return self._ownership.partitions

    def ensure(self) -> None:
        """Start unless it runs. Called by every trigger of the process, so that the first one starts it."""
        if not self._is_started:
            self._is_started = True
            self._ownership.start()

    async def stop(self) -> None:
        """Finish what is in hand and let other nodes have the partitions."""
        await self._ownership.stop()
        self._is_started = False

    async def _begin(self, partition: int) -> None:
        intake = Intake(self._queues.receiver(queue_of(partition)), self._blobs.container(CLAIMS))
        worker = PartitionWorker(partition, intake, self._openers, self._poison, self._measures, self._found)
        self._workers[partition] = worker
        worker.start()

    async def _end(self, partition: int) -> None:
        worker = self._workers.pop(partition, None)
        if worker is not None:
            await asyncio.shield(worker.stop())
