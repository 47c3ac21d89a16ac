"""A lock that one host of an app holds at a time: a blob lease, as the official host's listeners take it."""

import asyncio
import contextlib
import logging
import time
from typing import Any, Protocol

from funchost.host_id import HOSTS_CONTAINER

LEASE_S = 15
_RENEWAL_S = 5.0
_RECOVERY_S = 5.0  # how often a host that waits asks; the official one asks once a minute
log = logging.getLogger("Host.Singleton")


class Lock(Protocol):
    """What one host of an app has at a time."""

    @property
    def is_held(self) -> bool:
        """Whether this host has it now."""
        ...

    async def acquire(self, stopping: asyncio.Event) -> bool:
        """Wait until this host has it; False when it stops first."""
        ...

    async def release(self) -> None:
        """Give it up, so that another host has it at once."""
        ...


class SingletonLock:
    """Holds `azure-webjobs-hosts/locks/<host id>/<function id>.Listener` by a lease of 15 s, renewed every 5 s.

    After a kill, another host has the lock when the lease has run out.
    """

    def __init__(self, blobs: Any, host_id: str, function_id: str) -> None:
        self._name = function_id
        self._container = blobs.get_container_client(HOSTS_CONTAINER)
        self._blob = self._container.get_blob_client(f"locks/{host_id}/{function_id}.Listener")
        self._lease: Any = None
        self._held_until = 0.0
        self._renewal: asyncio.Task[None] | None = None
        self._is_told = False

    @property
    def is_held(self) -> bool:
        """Whether the lease is ours and has not run out."""
        return time.monotonic() < self._held_until

    async def acquire(self, stopping: asyncio.Event) -> bool:
        """Wait until the lease is ours; False when the host stops first. Storage that is away is waited for."""
        await self._end_renewal()
        while not stopping.is_set():
            if await self._try():
                self._renewal = asyncio.create_task(self._renew())
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _RECOVERY_S)
        return False

    async def release(self) -> None:
        """End the lease."""
        from azure.core.exceptions import AzureError

        await self._end_renewal()
        if self._lease is not None and self.is_held:
            self._held_until = 0.0
            with contextlib.suppress(AzureError):  # it runs out by itself
                await self._lease.release()

    async def _try(self) -> bool:
        from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

        asked = time.monotonic()
        try:
            try:
                self._lease = await self._blob.acquire_lease(LEASE_S)
            except ResourceNotFoundError:
                await self._create()
                self._lease = await self._blob.acquire_lease(LEASE_S)
        except AzureError as error:
            is_taken = isinstance(error, HttpResponseError) and error.status_code == 409
            self._tell("another host of the app runs it" if is_taken else f"its lock cannot be had: {_brief(error)}")
            return False
        self._held_until = asked + LEASE_S
        self._is_told = False
        return True

    def _tell(self, why: str) -> None:
        if not self._is_told:
            log.info("%s waits: %s", self._name, why)
            self._is_told = True

    async def _create(self) -> None:
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        with contextlib.suppress(ResourceExistsError):  # another host may be quicker
            try:
                await self._blob.upload_blob(b"", overwrite=False)
            except ResourceNotFoundError:
                with contextlib.suppress(ResourceExistsError):
                    await self._container.create_container()
                await self._blob.upload_blob(b"", overwrite=False)

    async def _renew(self) -> None:
        """Until released, or until the lease has gone to another host; storage that is away is tried again."""
        from azure.core.exceptions import AzureError, HttpResponseError

        while self.is_held:
            await asyncio.sleep(_RENEWAL_S)
            asked = time.monotonic()
            try:
                await self._lease.renew()
            except AzureError as error:
                if isinstance(error, HttpResponseError) and error.status_code in (404, 409, 412):
                    self._held_until = 0.0
                continue
            self._held_until = asked + LEASE_S
        log.warning("The lock of %s was lost; it is asked for again", self._name)

    async def _end_renewal(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
            self._renewal = None


def _brief(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
