"""The queue output binding."""

import contextlib
import json
from typing import Any

from azure.functions.meta import Datum

from funchost.bindings.ports import BindingData
from funchost.enqueued import EnqueuedWatcher
from funchost.errors import InvocationError
from funchost.expressions import Template
from funchost.storage import StorageConnections
from funchost.triggers.queue_message import Encoding, encode_body


class QueueOutput:
    """Sends one message, or each of a JSON list, and creates the queue when it is missing."""

    def __init__(
        self,
        storage: StorageConnections,
        *,
        connection: str,
        queue_name: Template,
        encoding: Encoding,
        enqueued: EnqueuedWatcher,
    ) -> None:
        self._storage = storage
        self._connection = connection
        self._queue_name = queue_name
        self._encoding = encoding
        self._enqueued = enqueued

    async def write(self, datum: Datum, data: BindingData) -> None:
        """Send; messages of a list are sent in order, and the first that fails ends it."""
        queue_name = self._queue_name.render(data).lower()
        queue: Any = self._storage.queues(self._connection).get_queue_client(queue_name)
        for body in message_bodies(datum):
            try:
                text = encode_body(body, self._encoding)
            except ValueError as error:
                raise InvocationError(str(error)) from None
            await _send(queue, text)
            self._enqueued.notify(self._connection, queue_name)


async def _send(queue: Any, text: str) -> None:
    from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

    try:
        await queue.send_message(text)
    except ResourceNotFoundError:
        with contextlib.suppress(ResourceExistsError):  # another function may be quicker
            await queue.create_queue()
        await queue.send_message(text)


def message_bodies(datum: Datum) -> list[bytes]:
    """The messages in what azure-functions' converter gives: text, bytes, or JSON of one message or a list."""
    if datum.type == "bytes":
        return [datum.value]
    if datum.type == "json":
        value = json.loads(datum.value)
        return [_item(item) for item in (value if isinstance(value, list) else [value])]
    return [str(datum.value).encode()]


def _item(item: Any) -> bytes:
    """A QueueMessage arrives as {"id", "body"}; its id is the service's to choose."""
    if isinstance(item, dict) and set(item) == {"id", "body"}:
        item = item["body"]
    return item.encode() if isinstance(item, str) else json.dumps(item).encode()
