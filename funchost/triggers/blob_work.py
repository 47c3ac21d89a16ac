"""Working off the blobs that were noticed: an internal queue, so that none is lost and retries are counted."""

import hashlib
import json
import logging
from typing import Any

from funchost.converters import decode
from funchost.function import BoundFunction
from funchost.host_json import BlobsSection, QueuesSection
from funchost.invoker import Invoker
from funchost.storage import StorageConnections
from funchost.triggers.blob_content import BlobReader
from funchost.triggers.blob_pattern import BlobPattern
from funchost.triggers.queue import QueueListener

POISON_QUEUE = "webjobs-blobtrigger-poison"
log = logging.getLogger("Host.Blobs")


def work_queue(host_id: str, function_id: str) -> str:
    """The queue of one function's noticed blobs.

    The official host has one for all functions of an app; one each lets hosts that run some functions of an app
    (`--functions`) share its storage.
    """
    digest = hashlib.sha256(f"{host_id}/{function_id}".encode()).hexdigest()[:16]
    return f"azure-webjobs-blobtrigger-{digest}"


def work_message(function_id: str, container: str, name: str, etag: str) -> bytes:
    """A noticed version, in the official host's form; it is what the poison queue gets, too."""
    fields = {
        "Type": "BlobTrigger",
        "FunctionId": function_id,
        "BlobType": "BlockBlob",
        "ContainerName": container,
        "BlobName": name,
        "ETag": etag,
    }
    return json.dumps(fields).encode()


class BlobWorkListener(QueueListener):
    """Calls the function for each noticed version; after poisonBlobThreshold failures it goes to the poison queue."""

    def __init__(
        self,
        function: BoundFunction,
        invoker: Invoker,
        storage: StorageConnections,
        *,
        connection: str,
        queue_name: str,
        queues: QueuesSection,
        blobs: BlobsSection,
        pattern: BlobPattern,
    ) -> None:
        settings = queues.model_copy(
            update={
                "batch_size": min(32, blobs.max_degree_of_parallelism),
                "new_batch_threshold": 0,
                "max_dequeue_count": blobs.poison_blob_threshold,
                "message_encoding": "base64",
            }
        )
        super().__init__(
            function,
            invoker,
            storage,
            connection=connection,
            queue_name=queue_name,
            settings=settings,
            poison_queue=POISON_QUEUE,
        )
        self._blobs = storage.blobs(connection)
        self._pattern = pattern
        self._reader = BlobReader(function.plan.trigger)

    async def _invoke(self, message: Any, body: bytes) -> bool:
        """Whether the version is done with: the function succeeded, or there is a newer version or none."""
        try:
            fields = json.loads(body)
            return await self._run(fields["BlobName"], fields["ETag"])
        except (ValueError, KeyError, TypeError) as error:
            log.error("A message of %s is not a noticed blob: %s", self._name, error)
            return False

    async def _run(self, name: str, etag: str | None) -> bool:
        client = self._blobs.get_blob_client(self._pattern.container, name)
        trigger = self._function.plan.trigger
        try:
            blob = await self._reader.read(client, etag, self._pattern.match(name) or {})
            if blob is None:
                log.debug("The blob %s is gone or was replaced; its new version is noticed by itself", name)
                return True
            value = decode(trigger.converter, blob.datum, blob.metadata, f"parameter {trigger.name}")
            await self._invoker.execute(self._function, value, blob.data, self._function.new_context())
        except UnicodeDecodeError as error:
            log.error("The blob %s is not text: %s", name, error)
            return False
        except Exception:  # noqa: BLE001 (the trigger's edge; the invoker has logged it)
            return False
        return True
