"""Partitions owned by blob lease: a node that dies loses its own within the lease time, one that joins gets its share.

The container has a blob for each partition and one for each node; a node lives as long as its blob is leased. So all
that a node needs to know is one listing, and no clock is compared with another.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import uuid4

from azure.core.exceptions import AzureError

from chassis.messaging.partitions import PARTITIONS
from chassis.storage.leases import Lease, Leases
from functions.processing.messages.balance import moves

LEASE_S = 15
"""The shortest that Azure allows."""

BALANCE_EVERY_S = 4.0
LEAVE_S = 5.0
_NODES, _PARTITIONS = "nodes/", "partitions/"
log = logging.getLogger(__name__)

Begin = Callable[[int], Awaitable[None]]
End = Callable[[int], Awaitable[None]]


class Ownership:
    """The partitions of this node. `begin` and `end` start and stop the work on one."""

    def __init__(self, leases: Leases, begin: Begin, end: End, *, node: str | None = None) -> None:
        self._leases = leases
        self._begin, self._end = begin, end
        self.node = node or uuid4().hex
        self._self: Lease | None = None
        self._mine: dict[int, Lease] = {}
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def partitions(self) -> tuple[int, ...]:
        """The partitions that this node owns."""
        return tuple(sorted(self._mine))

    def start(self) -> None:
        """Take part, until `stop`."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the work on every partition and give up all leases, so that others need not wait for their end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def balance(self) -> None:
        """Take or give up partitions. Raises AzureError when storage is away."""
        if self._self is None:
            self._self = await self._leases.acquire(_NODES + self.node, LEASE_S)
        found = await self._leases.all()
        nodes = {name.removeprefix(_NODES) for name, alive in found.items() if name.startswith(_NODES) and alive}
        leased = [found.get(_blob(partition), False) for partition in range(PARTITIONS)]
        step = moves(self.node, nodes, leased, self._mine)
        await asyncio.gather(*map(self._give_up, step.give_up))
        await asyncio.gather(*map(self._take, step.take))
        for name, alive in found.items():
            if name.startswith(_NODES) and not alive:
                await self._leases.remove(name)

    async def _run(self) -> None:
        # Apart, so that leases do not end while a partition that is given up finishes its batch.
        renewing = asyncio.create_task(self._repeat(self._renew))
        try:
            await self._repeat(self.balance)
        finally:
            # Hosts have no hook for their end, but they cancel what runs in the loop and wait for it.
            renewing.cancel()
            await self._leave()

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except AzureError as error:
                # What is owned goes on: a checkpoint is refused anyway once another node has the partition.
                log.warning("the leases of partitions: %s", error)
            await asyncio.sleep(BALANCE_EVERY_S)

    async def _leave(self) -> None:
        """Give everything up, so that nobody waits for the end of a lease; what can't be given up ends by itself."""
        try:
            async with asyncio.timeout(LEAVE_S):
                await asyncio.gather(
                    *(self._give_up(partition) for partition in list(self._mine)), return_exceptions=True
                )
                if self._self is not None:
                    await self._self.release()
                    await self._leases.remove(_NODES + self.node)
        except (AzureError, TimeoutError) as error:
            log.debug("the leases of this node end by themselves: %s", error)

    async def _renew(self) -> None:
        if self._self is not None and not await self._self.renew():
            self._self = None
        held = dict(self._mine)
        kept = await asyncio.gather(*(lease.renew() for lease in held.values()))
        for partition, is_kept in zip(held, kept, strict=True):
            # One that was given up meanwhile is not lost.
            if not is_kept and self._mine.get(partition) is held[partition]:
                log.warning("partition %d was lost to another node", partition)
                del self._mine[partition]
                task = asyncio.create_task(self._end_lost(partition))
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)

    async def _end_lost(self, partition: int) -> None:
        await self._end(partition)

    async def _take(self, partition: int) -> None:
        lease = await self._leases.acquire(_blob(partition), LEASE_S)
        if lease is not None:
            self._mine[partition] = lease
            await self._begin(partition)

    async def _give_up(self, partition: int) -> None:
        # The lease is renewed until the work has ended.
        await self._end(partition)
        lease = self._mine.pop(partition, None)
        if lease is not None:
            await lease.release()


def _blob(partition: int) -> str:
    return f"{_PARTITIONS}{partition:02d}"
