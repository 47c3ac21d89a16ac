"""The blob input and output bindings."""

import contextlib
from typing import Any

from azure.functions.meta import Datum

from funchost.bindings.ports import NOTHING, BindingData
from funchost.errors import InvocationError
from funchost.expressions import Template
from funchost.storage import StorageConnections


class BlobBinding:
    """One blob, addressed as `container/name` with expressions; `as_text` for str parameters."""

    def __init__(self, storage: StorageConnections, *, connection: str, path: Template, as_text: bool) -> None:
        self._storage = storage
        self._connection = connection
        self._path = path
        self._as_text = as_text

    async def read(self, data: BindingData) -> Datum:
        """The whole blob; NOTHING when there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            downloader = await self._client(data).download_blob()
            content: bytes = await downloader.readall()
        except ResourceNotFoundError:
            return NOTHING
        return Datum(content.decode(), "string") if self._as_text else Datum(content, "bytes")

    async def write(self, datum: Datum, data: BindingData) -> None:
        """Write the blob, replacing one that is there; creates the container when it is missing."""
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        client = self._client(data)
        content = datum.value if isinstance(datum.value, bytes) else str(datum.value).encode()
        try:
            await client.upload_blob(content, overwrite=True)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):  # another function may be quicker
                await self._storage.blobs(self._connection).create_container(client.container_name)
            await client.upload_blob(content, overwrite=True)

    def _client(self, data: BindingData) -> Any:
        container, _, name = self._path.render(data).lstrip("/").partition("/")
        if not container or not name:
            raise InvocationError("the path of a blob binding must be container/name")
        return self._storage.blobs(self._connection).get_blob_client(container, name)
