"""Receipts: which version of which blob has been noticed for a function.

As the official host keeps them: an empty blob `blobreceipts/<host id>/<function id>/<etag>/<container>/<blob>` with the
metadata Completed. Who wants to notice a version leases its receipt, so that hosts of one app do it once.
"""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from funchost.host_id import HOSTS_CONTAINER

_LEASE_S = 30
_COMPLETED = {"Completed": "True"}


class BlobReceipts:
    """The receipts of one function for one container."""

    def __init__(self, blobs: Any, host_id: str, function_id: str, container: str) -> None:
        self._hosts = blobs.get_container_client(HOSTS_CONTAINER)
        self._folder = f"blobreceipts/{host_id}/{function_id}"
        self._container = container

    async def once(self, name: str, etag: str, notice: Callable[[], Awaitable[None]]) -> bool:
        """Call `notice` unless the version has a completed receipt; False when another host is just at it.

        A host that dies in between leaves a receipt that is not completed: the version is then noticed again.
        """
        from azure.core.exceptions import HttpResponseError, ResourceExistsError

        plain_etag = etag.strip('"')
        receipt = self._hosts.get_blob_client(f"{self._folder}/{plain_etag}/{self._container}/{name}")
        if await self._is_completed(receipt):
            return True
        with contextlib.suppress(ResourceExistsError):
            await self._create(receipt)
        try:
            lease = await receipt.acquire_lease(_LEASE_S)
        except HttpResponseError as error:
            if error.status_code == 409:
                return False
            raise
        try:
            if not await self._is_completed(receipt):
                await notice()
                await receipt.set_blob_metadata(_COMPLETED, lease=lease)
        finally:
            with contextlib.suppress(HttpResponseError):  # it runs out by itself
                await lease.release()
        return True

    async def prune(self, is_gone: Callable[[str, str], bool], before: datetime) -> int:
        """Delete the receipts made before that time whose version is gone; returns how many.

        `is_gone(name, etag)` answers from a listing that was made after `before`: a version that had a receipt by then
        and was not listed had been replaced or deleted, and an etag does not come back.
        """
        from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

        pruned = 0
        try:
            async for receipt in self._hosts.list_blobs(name_starts_with=f"{self._folder}/"):
                etag, container, name = receipt.name.removeprefix(f"{self._folder}/").split("/", 2)
                if receipt.last_modified >= before or container != self._container or not is_gone(name, etag):
                    continue
                with contextlib.suppress(HttpResponseError):  # leased, or another host was quicker
                    await self._hosts.delete_blob(receipt.name)
                    pruned += 1
        except ResourceNotFoundError:  # no container, no receipts
            return 0
        return pruned

    async def _is_completed(self, receipt: Any) -> bool:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            metadata = (await receipt.get_blob_properties()).metadata or {}
        except ResourceNotFoundError:
            return False
        return any(name.lower() == "completed" for name in metadata)

    async def _create(self, receipt: Any) -> None:
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        try:
            await receipt.upload_blob(b"", overwrite=False)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                await self._hosts.create_container()
            await receipt.upload_blob(b"", overwrite=False)
