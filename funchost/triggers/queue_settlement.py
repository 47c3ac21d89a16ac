"""What becomes of a queue message after its function ran."""

import logging
from typing import Any

from funchost.host_json import QueuesSection
from funchost.triggers.message_lease import MessageLease

POISON_SUFFIX = "-poison"
log = logging.getLogger("Host.Queues")


class QueueSettlement:
    """Deletes, releases or poisons messages of one queue.

    Every step is safe to be cut off: a message is deleted only after its function succeeded or its copy is on the
    poison queue, so a killed host leaves it to come back.
    """

    def __init__(self, queue: Any, poison_queue: Any | None, settings: QueuesSection) -> None:
        self._queue = queue
        self._poison_queue = poison_queue
        self._settings = settings

    def is_spent(self, message: Any) -> bool:
        """Whether the message has failed often enough."""
        return bool(message.dequeue_count >= self._settings.max_dequeue_count)

    async def succeed(self, message: Any, lease: MessageLease) -> None:
        """Delete the message; one that another listener has taken meanwhile is left to it."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            await self._queue.delete_message(message.id, lease.pop_receipt)
        except ResourceNotFoundError:
            log.warning("Message %s was taken by another listener before it could be deleted", message.id)

    async def fail(self, message: Any, lease: MessageLease) -> None:
        """Give the message back after visibilityTimeout, or poison it when it is spent."""
        from azure.core.exceptions import ResourceNotFoundError

        if self.is_spent(message):
            await self.poison(message, lease)
            return
        timeout_s = int(self._settings.visibility_timeout.total_seconds())
        try:
            await self._queue.update_message(message.id, lease.pop_receipt, visibility_timeout=timeout_s)
        except ResourceNotFoundError:
            log.warning("Message %s was taken by another listener before it could be given back", message.id)

    async def poison(self, message: Any, lease: MessageLease) -> None:
        """Copy the message, whole, to the poison queue, then delete it."""
        from azure.core.exceptions import ResourceNotFoundError

        if self._poison_queue is None:  # a poison queue has no poison queue: the official host drops the message too
            log.error("Message %s failed %d times and is dropped", message.id, message.dequeue_count)
        else:
            try:
                await self._poison_queue.send_message(message.content, time_to_live=-1)
            except ResourceNotFoundError:
                await self._poison_queue.create_queue()
                await self._poison_queue.send_message(message.content, time_to_live=-1)
            log.error(
                "Message %s failed %d times and was moved to the queue %s",
                message.id,
                message.dequeue_count,
                self._poison_queue.queue_name,
            )
        await self.succeed(message, lease)
