"""A log in an append blob: every append names the state it goes on from, so that of two writers one is refused."""

import contextlib
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob.aio import ContainerClient

from chassis.errors import DependencyUnavailable, PreconditionFailed

MAX_APPEND_BYTES = 4 * 1024 * 1024
"""Most bytes of one append (Append Block, before version 2022-11-02 and in Azurite)."""


class LogMoved(PreconditionFailed):
    """Another writer has appended, or the log is gone: read it again."""

    code, title = "platform.log-moved", "The log was written by another"


class BlobLog:
    """One log. Not shared between tasks: it remembers the ETag that it has read or written last."""

    def __init__(self, container: ContainerClient, name: str) -> None:
        self._container = container
        self._blob = container.get_blob_client(name)
        self._etag: str | None = None
        self.name = name
        self.size = 0

    async def read(self) -> bytes | None:
        """The whole log, or None when there is none. Raises DependencyUnavailable."""
        try:
            stream = await self._blob.download_blob()
            body = bytes(await stream.readall())
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise DependencyUnavailable("blob storage can't be reached") from error
        self._etag, self.size = str(stream.properties.etag), len(body)
        return body

    async def create(self) -> None:
        """Make an empty log. Raises LogMoved when there is one."""
        try:
            made = await self._made()
        except ResourceExistsError:
            raise LogMoved(f"log {self.name} exists already") from None
        except AzureError as error:
            raise DependencyUnavailable("blob storage can't be reached") from error
        self._etag, self.size = str(made["etag"]), 0

    async def append(self, body: bytes) -> None:
        """Append to what was read or written last (at most 4 MiB), all or nothing.

        Raises LogMoved when that is not the end any more. Raises DependencyUnavailable when it is not known whether
        the bytes were stored: then the log has to be read again, too.
        """
        try:
            # retry_total=0: a repeated append would be refused although the first one, unanswered, was stored.
            done = await self._blob.append_block(
                body, etag=self._etag, match_condition=MatchConditions.IfNotModified, retry_total=0
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            raise LogMoved(f"log {self.name} was written by another") from None
        except AzureError as error:
            raise DependencyUnavailable("blob storage can't be reached") from error
        self._etag, self.size = str(done["etag"]), self.size + len(body)

    async def delete(self) -> None:
        """Remove the log; one that is gone is no error."""
        try:
            await self._blob.delete_blob()
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise DependencyUnavailable("blob storage can't be reached") from error

    async def _made(self) -> dict[str, Any]:
        options: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        try:
            return dict(await self._blob.create_append_blob(**options))
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                await self._container.create_container()
            return dict(await self._blob.create_append_blob(**options))
        except HttpResponseError as error:
            if error.status_code == 409:
                raise ResourceExistsError(response=error.response) from error
            raise
