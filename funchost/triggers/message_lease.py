"""Keeping a queue message hidden while its function runs."""

import asyncio
import logging
from typing import Any

VISIBILITY_S = 30
"""The official host hides a message for 10 minutes; ours comes back 30 s after a host was killed."""
RENEWAL_S = 10.0

log = logging.getLogger("Host.Queues")


class MessageLease:
    """Renews the invisibility of one message until released; `pop_receipt` is the newest.

    A timer starts the renewal, so that a function which ends sooner costs nothing.
    """

    def __init__(self, client: Any, message: Any, renewal_s: float = RENEWAL_S) -> None:
        self._client = client
        self._message = message
        self._renewal_s = renewal_s
        self._released = False
        self._renewal: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.pop_receipt: str = message.pop_receipt

    def start(self) -> None:
        """Begin to renew."""
        self._timer = asyncio.get_running_loop().call_later(self._renewal_s, self._begin_renewal)

    async def release(self) -> None:
        """Stop renewing; a renewal under way is waited for, so that `pop_receipt` is the one that counts."""
        self._released = True
        if self._timer is not None:
            self._timer.cancel()
        if self._renewal is not None:
            await self._renewal

    def _begin_renewal(self) -> None:
        self._renewal = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        if await self._renew_once() and not self._released:
            self.start()

    async def _renew_once(self) -> bool:
        """Whether the lease is still ours or may be again; a service that is away is tried again next time."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            renewed = await self._client.update_message(
                self._message.id, self.pop_receipt, visibility_timeout=VISIBILITY_S
            )
        except ResourceNotFoundError:
            log.warning("Message %s was taken by another listener while its function ran", self._message.id)
            return False
        except AzureError as error:
            log.warning("Message %s could not be kept hidden: %s", self._message.id, type(error).__name__)
            return True
        self.pop_receipt = renewed.pop_receipt
        return True
