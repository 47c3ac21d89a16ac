"""Blob leases: who owns what, told by storage alone, without any clock of ours."""

import contextlib
from collections.abc import Mapping

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient, ContainerClient


class Lease:
    """A lease that this process holds."""

    def __init__(self, name: str, client: BlobLeaseClient) -> None:
        self.name = name
        self._client = client

    async def renew(self) -> bool:
        """Hold it for its whole time from now; False when another has it. Raises AzureError when storage is away."""
        try:
            await self._client.renew()
        except (ResourceExistsError, ResourceNotFoundError):
            return False
        except HttpResponseError as error:
            if error.status_code in {404, 409, 412}:
                return False
            raise
        return True

    async def release(self) -> None:
        """Give it up; one that is lost already is no error."""
        try:
            await self._client.release()
        except HttpResponseError as error:
            if error.status_code not in {404, 409, 412}:
                raise


class Leases:
    """The leases on a container's blobs; a lease lasts 15 to 60 seconds unless renewed (Lease Blob, Azure REST)."""

    def __init__(self, client: ContainerClient) -> None:
        self._client = client

    async def acquire(self, name: str, seconds: int) -> Lease | None:
        """The lease on a blob, which is made when there is none; None when another holds it."""
        blob = self._client.get_blob_client(name)
        try:
            return await _leased(name, blob, seconds)
        except ResourceNotFoundError:
            await self._create(blob)
            return await _leased(name, blob, seconds)

    async def all(self, prefix: str = "") -> Mapping[str, bool]:
        """Every blob's name, in order, and whether it is leased at present."""
        try:
            found = self._client.list_blobs(name_starts_with=prefix or None)
            return {blob.name: blob.lease.state == "leased" async for blob in found}
        except ResourceNotFoundError:
            return {}

    async def remove(self, name: str) -> None:
        """Remove a blob that nobody leases; one that is leased or gone stays as it is."""
        try:
            await self._client.delete_blob(name)
        except HttpResponseError as error:
            if error.status_code not in {404, 409, 412}:
                raise

    async def _create(self, blob: BlobClient) -> None:
        try:
            await blob.upload_blob(b"", overwrite=False)
        except ResourceExistsError:
            return
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                await self._client.create_container()
            await self._create(blob)


async def _leased(name: str, blob: BlobClient, seconds: int) -> Lease | None:
    try:
        return Lease(name, await blob.acquire_lease(seconds))
    except ResourceExistsError:
        return None
    except HttpResponseError as error:
        if error.status_code == 409:
            return None
        raise
