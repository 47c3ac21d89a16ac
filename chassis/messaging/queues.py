"""Commands: put on the receiver's storage queue, base64 as the Functions host expects by default."""

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient
from pydantic import BaseModel

from chassis.errors import DependencyUnavailable
from chassis.messaging.message import Announced, new_event, to_json
from chassis.messaging.receiver import QueueReceiver
from chassis.storage.account import answers, open_service
from chassis.storage.deadlines import STORAGE_OPTIONS


class Queues:
    """The storage queues of the platform; a queue is created when it is first found missing."""

    def __init__(self, connection: str, source: str) -> None:
        self._connection = connection
        self._source = source
        self._service: QueueServiceClient | None = None
        self._clients: dict[str, QueueClient] = {}

    async def send(
        self,
        queue: str,
        type: str,
        data: BaseModel,
        *,
        id: str | None = None,
        tenant: str | None = None,
        principal: str | None = None,
        subject: str | None = None,
        correlation_id: str | None = None,
        visible_after_s: int = 0,
    ) -> str:
        """Send a command and return its message id; the same id again is the same command to the receiver.

        Raises DependencyUnavailable when the queue can't be reached, PayloadTooLarge past 48 KiB.
        """
        event = new_event(
            type,
            data.model_dump(mode="json", by_alias=True),
            source=self._source,
            id=id,
            subject=subject,
            tenant=tenant,
            principal=principal,
            correlation_id=correlation_id,
        )
        await self.put(queue, to_json(event), visible_after_s=visible_after_s)
        return event.get_id()

    async def put(self, queue: str, body: bytes, *, visible_after_s: int = 0) -> None:
        """Put the bytes of a CloudEvent. Raises DependencyUnavailable when the queue can't be reached."""
        client = self._client(queue)
        content = b64encode(body).decode("ascii")
        try:
            await self._send(client, content, visible_after_s)
        except (AzureError, OSError) as error:
            raise DependencyUnavailable(f"queue {queue} can't be reached") from error

    async def publish(self, events: Sequence[Announced]) -> bool:
        """Put events on a topic that knows its subscribers; False: there is none, the sender copies them to each."""
        return False

    def receiver(self, queue: str) -> QueueReceiver:
        """Receives from a queue; for who is not served by a queue trigger."""
        return QueueReceiver(self._client(queue))

    async def depth(self, queue: str) -> int:
        """The approximate number of messages; 0 when the queue does not exist."""
        try:
            properties = await self._client(queue).get_queue_properties()
        except ResourceNotFoundError:
            return 0
        return int(properties.approximate_message_count or 0)

    async def check(self) -> None:
        """Raise when the queue service does not answer."""
        async with asyncio.timeout(2):
            await answers(self._open().get_service_properties)

    async def close(self) -> None:
        """Close the connections."""
        if self._service is not None:
            await self._service.close()
            self._service, self._clients = None, {}

    async def _send(self, client: QueueClient, content: str, visible_after_s: int) -> None:
        options: dict[str, Any] = {"visibility_timeout": visible_after_s, "time_to_live": -1}
        try:
            await client.send_message(content, **options)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                await client.create_queue()
            await client.send_message(content, **options)

    def _client(self, queue: str) -> QueueClient:
        if queue not in self._clients:
            self._clients[queue] = self._open().get_queue_client(queue)
        return self._clients[queue]

    def _open(self) -> QueueServiceClient:
        if self._service is None:
            self._service = open_service(QueueServiceClient, self._connection, "queue", **STORAGE_OPTIONS)
        return self._service
