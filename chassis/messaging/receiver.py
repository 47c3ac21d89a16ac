"""Receiving from a storage queue without a trigger: for who decides himself when a message is done."""

import contextlib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from chassis.errors import DependencyUnavailable

MAX_RECEIVED = 32
"""Most messages of one Get Messages or Peek Messages (Azure Queue Storage REST)."""


class ReceivedMessage:
    """A message that is hidden from others for a while. `content` is as it stands on the queue."""

    def __init__(self, message: Any) -> None:
        self._message = message
        self.id = str(message.id)
        self.content = str(message.content)
        self.dequeue_count = int(message.dequeue_count or 1)

    @property
    def body(self) -> bytes:
        """The decoded content. Raises ValueError when it is not base64."""
        try:
            return b64decode(self.content, validate=True)
        except NotBase64 as error:
            raise ValueError("not base64") from error


class QueueReceiver:
    """One queue. Every method raises DependencyUnavailable when it can't be reached."""

    def __init__(self, client: QueueClient) -> None:
        self._client = client

    async def receive(self, count: int, visibility_s: int) -> Sequence[ReceivedMessage]:
        """At most `count` messages (to 32), hidden for so long; none when the queue is empty or does not exist."""
        try:
            pages = self._client.receive_messages(
                messages_per_page=count, max_messages=count, visibility_timeout=visibility_s, retry_total=0
            )
            return [ReceivedMessage(message) async for message in pages]
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                await self._client.create_queue()
            return []
        except (AzureError, OSError) as error:
            raise _away(self._client) from error

    async def extend(self, message: ReceivedMessage, visibility_s: int) -> bool:
        """Hide it for so long from now; False when it is another's by now."""
        try:
            changed = await self._client.update_message(message._message, visibility_timeout=visibility_s)
        except HttpResponseError as error:
            if error.status_code in {400, 404}:
                return False
            raise _away(self._client) from error
        except (AzureError, OSError) as error:
            raise _away(self._client) from error
        message._message.pop_receipt = changed.pop_receipt
        return True

    async def delete(self, message: ReceivedMessage) -> None:
        """Remove a message that is done; one that is gone, or another's by now, is no error."""
        try:
            await self._client.delete_message(message._message)
        except HttpResponseError as error:
            if error.status_code not in {400, 404}:
                raise _away(self._client) from error
        except (AzureError, OSError) as error:
            raise _away(self._client) from error

    async def peek(self, count: int = MAX_RECEIVED) -> Sequence[bytes]:
        """The bodies of the first visible messages, which stay as they are; unreadable ones are left out."""
        try:
            found = await self._client.peek_messages(max_messages=count)
        except ResourceNotFoundError:
            return []
        except (AzureError, OSError) as error:
            raise _away(self._client) from error
        bodies = []
        for message in found:
            with contextlib.suppress(NotBase64):
                bodies.append(b64decode(message.content, validate=True))
        return bodies


def _away(client: QueueClient) -> DependencyUnavailable:
    return DependencyUnavailable(f"queue {client.queue_name} can't be reached")
