"""What a blob-triggered function gets: the content, and the metadata that the official host hands over."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.functions.meta import Datum

from funchost.bindings.ports import BindingData
from funchost.bindings.sdk_types import BlobSdkValues
from funchost.signature import Parameter, is_sdk_type

QUOTE = '"'


@dataclass(frozen=True, slots=True)
class BlobContent:
    """One version of a blob. `metadata` is what azure-functions' InputStream is made from."""

    datum: Datum
    metadata: Mapping[str, Datum]
    data: BindingData


class BlobReader:
    """Reads blobs as a trigger's parameter wants them: as text, as bytes, or as an SDK type, which reads for itself."""

    def __init__(self, trigger: Parameter) -> None:
        self._as_text = trigger.python_type is str or trigger.binding.data_type == "string"
        self._sdk_values = BlobSdkValues(trigger) if is_sdk_type(trigger.python_type) else None

    async def read(self, client: Any, etag: str | None, values: Mapping[str, str]) -> BlobContent | None:
        """The blob; None when it is gone or is no longer the version of the etag (None: any version).

        Raises UnicodeDecodeError when it is to be text and is none.
        """
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        condition = {"etag": f'"{etag.strip(QUOTE)}"', "match_condition": MatchConditions.IfNotModified} if etag else {}
        try:
            datum, properties = await self._read(client, condition)
        except (ResourceNotFoundError, ResourceModifiedError):
            return None
        return _content(client, datum, properties, values)

    async def _read(self, client: Any, condition: Mapping[str, Any]) -> tuple[Datum, Any]:
        if self._sdk_values is not None:
            properties = await client.get_blob_properties(**condition)
            value = await self._sdk_values.value(client.container_name, client.blob_name)
            return Datum(value, "sdk_type"), properties
        downloader = await client.download_blob(**condition)
        content: bytes = await downloader.readall()
        datum = Datum(content.decode(), "string") if self._as_text else Datum(content, "bytes")
        return datum, downloader.properties


def _content(client: Any, datum: Datum, properties: Any, values: Mapping[str, str]) -> BlobContent:
    path = f"{client.container_name}/{client.blob_name}"
    shown = _properties(properties)
    metadata = dict(properties.metadata or {})
    data = {**values, "blobTrigger": path, "uri": client.url, "properties": shown, "metadata": metadata}
    datums = {
        "BlobTrigger": Datum(path, "string"),
        "Uri": Datum(client.url, "string"),
        "Properties": Datum(json.dumps(shown), "json"),
        "Metadata": Datum(json.dumps(metadata), "json"),
    }
    return BlobContent(datum, datums, data)


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
