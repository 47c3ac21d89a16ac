"""What a blob-triggered function gets: the content, and the metadata that the official host hands over."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.functions.meta import Datum

from funchost.bindings.ports import BindingData

QUOTE = '"'


@dataclass(frozen=True, slots=True)
class BlobContent:
    """One version of a blob. `metadata` is what azure-functions' InputStream is made from."""

    content: bytes
    metadata: Mapping[str, Datum]
    data: BindingData

    def datum(self, *, as_text: bool) -> Datum:
        """The content as text or bytes. Raises UnicodeDecodeError when it is no UTF-8 text."""
        return Datum(self.content.decode(), "string") if as_text else Datum(self.content, "bytes")


async def read_blob(client: Any, etag: str | None, values: Mapping[str, str]) -> BlobContent | None:
    """The blob, whole; None when it is gone or is no longer the version of the etag (None: any version)."""
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

    condition = {"etag": f'"{etag.strip(QUOTE)}"', "match_condition": MatchConditions.IfNotModified} if etag else {}
    try:
        downloader = await client.download_blob(**condition)
        content: bytes = await downloader.readall()
    except (ResourceNotFoundError, ResourceModifiedError):
        return None
    path = f"{client.container_name}/{client.blob_name}"
    properties = _properties(downloader.properties)
    metadata = dict(downloader.properties.metadata or {})
    data = {**values, "blobTrigger": path, "uri": client.url, "properties": properties, "metadata": metadata}
    datums = {
        "BlobTrigger": Datum(path, "string"),
        "Uri": Datum(client.url, "string"),
        "Properties": Datum(json.dumps(properties), "json"),
        "Metadata": Datum(json.dumps(metadata), "json"),
    }
    return BlobContent(content, datums, data)


def _properties(properties: Any) -> dict[str, Any]:
    """The names of the .NET class BlobProperties, as they arrive in a function."""
    settings = properties.content_settings
    return {
        "ContentLength": properties.size,
        "Length": properties.size,
        "ContentType": settings.content_type,
        "ContentEncoding": settings.content_encoding,
        "ETag": properties.etag,
        "LastModified": properties.last_modified.isoformat(),
        "CreatedOn": properties.creation_time.isoformat() if properties.creation_time else None,
        "BlobType": "Block" if properties.blob_type in ("BlockBlob", None) else str(properties.blob_type),
    }
