"""Blobs: large data, and short-lived addresses to put or get it directly."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from random import random
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.storage.blob import BlobBlock, BlobSasPermissions, ContentSettings, generate_blob_sas
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient

from chassis.errors import DependencyUnavailable
from chassis.storage.account import DelegationKeys, account_name, answers, has_proxy, open_service
from chassis.storage.deadlines import BLOB_OPTIONS
from chassis.storage.leases import Leases
from chassis.storage.logs import BlobLog
from chassis.storage.ranges import RangeReader
from chassis.storage.rows import RowChanged, RowExists

CLOCK_SKEW = timedelta(minutes=5)
"""How far a storage account's clock may be ahead of ours (Azure SAS best practices)."""

RANGE_TIME = timedelta(minutes=10)
"""How long the address is good by which a range is read."""

BLOCK_LIST_ATTEMPTS = 20
BLOCK_LIST_BACKOFF_S = 0.2


class Container:
    """One blob container, created when it is first found missing."""

    def __init__(
        self, client: ContainerClient, signing: str | DelegationKeys, ranges: RangeReader | None = None
    ) -> None:
        """`signing` makes short-lived addresses: the account's key, or user delegation keys where there is none.

        Without `ranges` the SDK reads them.
        """
        self._client = client
        self._signing = signing
        self._ranges = ranges
        self.name = client.container_name

    async def put(
        self,
        name: str,
        data: bytes,
        *,
        if_absent: bool = False,
        content_type: str = "application/octet-stream",
    ) -> str:
        """Store the bytes and return the ETag. With `if_absent` raises RowExists when there is a blob already."""
        try:
            try:
                return await self._upload(name, data, if_absent, content_type)
            except ResourceNotFoundError:
                await self.create()
                return await self._upload(name, data, if_absent, content_type)
        except ResourceExistsError as error:
            raise RowExists(f"blob {name} exists already") from error
        except (ServiceRequestError, ServiceResponseError) as error:
            raise DependencyUnavailable("blob storage can't be reached") from error

    async def get(self, name: str) -> bytes | None:
        """The whole blob, or None when there is none."""
        return await self._download(name, None, None)

    async def get_range(self, name: str, offset: int, length: int, etag: str | None = None) -> bytes | None:
        """`length` bytes from `offset`, fewer at the end of the blob; None when there is no blob.

        With `etag` raises RowChanged when the blob is another one by now.
        """
        if self._ranges is None:
            return await self._download(name, offset, length, etag)
        url = await self.download_url(name, RANGE_TIME)
        return await asyncio.to_thread(self._ranges.read, url, offset, length, etag)

    async def size(self, name: str) -> int | None:
        """The number of bytes, or None when there is no blob."""
        found = await self.version(name)
        return None if found is None else found[0]

    async def version(self, name: str) -> tuple[int, str] | None:
        """The number of bytes and the ETag, or None when there is no blob."""
        try:
            properties = await self._blob(name).get_blob_properties()
            return int(properties.size), str(properties.etag)
        except ResourceNotFoundError:
            return None
        except (ServiceRequestError, ServiceResponseError) as error:
            raise DependencyUnavailable("blob storage can't be reached") from error

    async def uncommitted_blocks(self, name: str) -> list[tuple[str, int]]:
        """(id as it was put, bytes) of the blocks that were put and not yet put together, in order."""
        try:
            _, waiting = await self._blob(name).get_block_list("uncommitted")
        except ResourceNotFoundError:
            return []
        except (ServiceRequestError, ServiceResponseError) as error:
            raise DependencyUnavailable("blob storage can't be reached") from error
        return [(b64encode(str(block.id).encode()).decode(), int(block.size)) for block in waiting]

    async def add_blocks(self, name: str, blocks: Mapping[str, bytes]) -> None:
        """Add to the end of a blob what it does not have yet, by name (at most 50,000 blocks; Put Block List).

        May be repeated, and done by several at once: a block is there once. Raises DependencyUnavailable.
        """
        by_id = {blake2b(key.encode(), digest_size=16).hexdigest(): body for key, body in blocks.items()}
        blob = self._blob(name)
        for _ in range(BLOCK_LIST_ATTEMPTS):
            try:
                if await _added(blob, by_id):
                    return
                # Those who collide come again at different moments.
                await asyncio.sleep(random() * BLOCK_LIST_BACKOFF_S)  # noqa: S311 - no secret
            except ResourceNotFoundError:
                await self.create()
            except (ServiceRequestError, ServiceResponseError) as error:
                raise DependencyUnavailable("blob storage can't be reached") from error
        raise DependencyUnavailable(f"blob {name} is written by too many at once")

    async def delete(self, name: str) -> None:
        """Remove a blob; one that is not there is no error."""
        try:
            await self._blob(name).delete_blob()
        except ResourceNotFoundError:
            return

    async def list(self, prefix: str = "") -> AsyncIterator[str]:
        """Blob names that begin with the prefix, in order."""
        try:
            async for name in self._client.list_blob_names(name_starts_with=prefix or None):
                yield name
        except ResourceNotFoundError:
            return

    async def upload_url(self, name: str, valid_for: timedelta) -> str:
        """An address that takes this blob for so long, whole or in blocks; it can't read it."""
        await self.create()
        return await self._url(name, BlobSasPermissions(create=True, write=True), valid_for)

    async def download_url(self, name: str, valid_for: timedelta) -> str:
        """An address that gives this blob for so long."""
        return await self._url(name, BlobSasPermissions(read=True), valid_for)

    async def create(self) -> None:
        """Create the container; one that is there is no error."""
        try:
            await self._client.create_container()
        except ResourceExistsError:
            return

    def _blob(self, name: str) -> BlobClient:
        return self._client.get_blob_client(name)

    async def _upload(self, name: str, data: bytes, if_absent: bool, content_type: str) -> str:
        # overwrite=False sends If-None-Match: *, so that of two writers one is refused.
        settings = ContentSettings(content_type=content_type)
        properties = await self._blob(name).upload_blob(data, overwrite=not if_absent, content_settings=settings)
        return str(properties["etag"])

    async def _download(
        self, name: str, offset: int | None, length: int | None, etag: str | None = None
    ) -> bytes | None:
        same: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        try:
            stream: Any = await self._blob(name).download_blob(offset, length, max_concurrency=2, **same)
            return bytes(await stream.readall())
        except ResourceNotFoundError:
            return None
        except ResourceModifiedError as error:
            raise RowChanged(f"blob {name} is another one by now") from error
        except (ServiceRequestError, ServiceResponseError) as error:
            raise DependencyUnavailable("blob storage can't be reached") from error

    async def _url(self, name: str, permission: BlobSasPermissions, valid_for: timedelta) -> str:
        blob = self._blob(name)
        start, expiry = datetime.now(UTC) - CLOCK_SKEW, datetime.now(UTC) + valid_for
        keys: dict[str, Any] = (
            {"account_key": self._signing}
            if isinstance(self._signing, str)
            else {"user_delegation_key": await self._signing.get(start, expiry)}
        )
        signature = generate_blob_sas(
            account_name=str(blob.account_name),
            container_name=self.name,
            blob_name=name,
            permission=permission,
            start=start,
            expiry=expiry,
            **keys,
        )
        return f"{blob.url}?{signature}"


async def _added(blob: BlobClient, blocks: Mapping[str, bytes]) -> bool:
    """Whether all blocks are in the blob now; False when another changed it meanwhile."""
    there: list[str] = []
    condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
    try:
        condition = {
            "etag": (await blob.get_blob_properties()).etag,
            "match_condition": MatchConditions.IfNotModified,
        }
        there = [str(block.id) for block in (await blob.get_block_list("committed"))[0]]
    except ResourceNotFoundError:
        pass  # the first blocks make the blob
    missing = [id for id in blocks if id not in there]
    if not missing:
        return True
    for id in missing:
        await blob.stage_block(id, blocks[id])
    try:
        await blob.commit_block_list([BlobBlock(id) for id in [*there, *missing]], **condition)
    except (ResourceModifiedError, ResourceExistsError):
        return False
    except HttpResponseError as error:
        # InvalidBlockList: another's commit has thrown away what was staged here.
        if error.status_code in {400, 409, 412}:
            return False
        raise
    return True


class Blobs:
    """The containers of one storage account."""

    def __init__(self, connection: str) -> None:
        self._connection = connection
        self._service: BlobServiceClient | None = None
        self._delegation: DelegationKeys | None = None
        self._containers: dict[str, Container] = {}
        self._ranges: RangeReader | None = None

    def container(self, name: str) -> Container:
        """A container by name."""
        if name not in self._containers:
            service = self._open()
            signing: str | DelegationKeys = str(service.credential.account_key) if self._has_key else self._keys
            self._containers[name] = Container(service.get_container_client(name), signing, self._ranges)
        return self._containers[name]

    @property
    def _has_key(self) -> bool:
        return account_name(self._connection) is None

    @property
    def _keys(self) -> DelegationKeys:
        self._delegation = self._delegation or DelegationKeys(self._open())
        return self._delegation

    def leases(self, name: str) -> Leases:
        """The leases on the blobs of a container."""
        return Leases(self._open().get_container_client(name))

    def log(self, container: str, name: str) -> BlobLog:
        """A log in an append blob."""
        return BlobLog(self._open().get_container_client(container), name)

    async def check(self) -> None:
        """Raise when the blob service does not answer."""
        await answers(self._open().get_service_properties)

    async def close(self) -> None:
        """Close the connections."""
        if self._service is not None:
            await self._service.close()
            self._service, self._delegation, self._containers = None, None, {}
        if self._ranges is not None:
            self._ranges.close()

    def _open(self) -> BlobServiceClient:
        if self._service is None:
            self._service = open_service(BlobServiceClient, self._connection, "blob", **BLOB_OPTIONS)
            # The SDK knows its way through a proxy.
            self._ranges = None if has_proxy() else RangeReader()
        return self._service
