"""SDK types: parameters that get a client of the blob SDK instead of the blob's content.

The app's own azurefunctions-extensions-bindings-blob makes them from "model binding data", which is where the blob is:
see `BlobSdkType` there, and `deferred_bindings_decode` in the official worker.
"""

import asyncio
import json
import os
import sys
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from azure.functions.meta import Datum

from funchost.bindings.ports import BindingData
from funchost.connections import STORAGE_SETTING
from funchost.expressions import Template
from funchost.signature import Parameter

_MAXIMUM_CLIENTS = 100  # a blob trigger has one for each blob


def blob_extension_has(binding_type: str) -> bool:
    """Whether the app has imported the extension that makes SDK types for the binding."""
    base = sys.modules.get("azurefunctions.extensions.base")
    return binding_type in ("blob", "blobTrigger") and bool(base and base.get_binding_registry().get(binding_type))


@dataclass(frozen=True, slots=True)
class ModelBindingData:
    """What the official host sends instead of a blob."""

    content: str
    version: str = "1.0"
    source: str = "AzureStorageBlobs"
    content_type: str = "application/json"


class BlobSdkValues:
    """Values of one parameter: BlobClient, ContainerClient or StorageStreamDownloader, by its annotation.

    Clients are kept, as the worker keeps them, so that their connections are; a stream is read once, so each is new.
    """

    def __init__(self, parameter: Parameter) -> None:
        self._type = parameter.python_type
        self._converter: Any = (
            sys.modules["azurefunctions.extensions.base"].get_binding_registry().get(parameter.binding.type)
        )
        self._setting = _setting(parameter.binding.text("connection"))
        self._clients: OrderedDict[str, Any] = OrderedDict()

    async def value(self, container: str, name: str) -> Any:
        """The value for a blob; `name` may be "" for a container. Raises ValueError when it cannot be made."""
        location = {"Connection": self._setting, "ContainerName": container, "BlobName": name}
        content = json.dumps(location)
        if content in self._clients:
            self._clients.move_to_end(content)
            return self._clients[content]
        # A stream begins its download here; the SDK's clients block.
        value = await asyncio.to_thread(self._make, ModelBindingData(content))
        if hasattr(value, "get_account_information"):  # every client, and no stream
            self._clients[content] = value
            if len(self._clients) > _MAXIMUM_CLIENTS:
                self._clients.popitem(last=False)
        return value

    def _make(self, data: ModelBindingData) -> Any:
        return self._converter.decode(Datum(data, "model_binding_data"), trigger_metadata=None, pytype=self._type)


class BlobSdkInput:
    """A blob input of an SDK type; the extension reads the connection setting when the function is called."""

    def __init__(self, parameter: Parameter, path: Template) -> None:
        self._values = BlobSdkValues(parameter)
        self._path = path

    async def read(self, data: BindingData) -> Datum:
        """The client or stream; the blob need not exist for a client."""
        container, _, name = self._path.render(data).lstrip("/").partition("/")
        return Datum(await self._values.value(container, name), "sdk_type")


def _setting(connection: str) -> str:
    """The app setting under which the extension finds what the host would: it knows no AzureWebJobs<name>."""
    name = connection or STORAGE_SETTING
    prefixed = f"AzureWebJobs{name}"
    return prefixed if any(s == prefixed or s.startswith(f"{prefixed}__") for s in os.environ) else name
