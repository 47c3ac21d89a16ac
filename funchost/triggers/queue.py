"""The queue trigger's listener."""

import asyncio
import logging
from typing import Any

from funchost.bindings.ports import BindingData
from funchost.converters import decode
from funchost.function import BoundFunction
from funchost.host_json import QueuesSection
from funchost.invoker import Invoker
from funchost.storage import StorageConnections
from funchost.triggers.backoff import PollingBackoff
from funchost.triggers.message_lease import VISIBILITY_S, MessageLease
from funchost.triggers.queue_message import binding_data, body_datum, decode_body, trigger_metadata
from funchost.triggers.queue_settlement import POISON_SUFFIX, QueueSettlement

_RECONNECT_MAXIMUM_S = 5.0
_FAILURES_TO_TELL = 2  # one alone may be an idle connection that the service has closed
log = logging.getLogger("Host.Queues")


class QueueListener:
    """Polls one queue for one function.

    Fetches batchSize messages whenever newBatchThreshold or fewer are in flight, so that up to their sum run at once.
    """

    def __init__(
        self,
        function: BoundFunction,
        invoker: Invoker,
        storage: StorageConnections,
        *,
        connection: str,
        queue_name: str,
        settings: QueuesSection,
        poison_queue: str | None = None,
    ) -> None:
        self._function = function
        self._invoker = invoker
        self._settings = settings
        self._name = queue_name
        service = storage.queues(connection)
        self._queue: Any = service.get_queue_client(queue_name)
        poison_name = poison_queue or queue_name + POISON_SUFFIX
        poison = None if queue_name.endswith(POISON_SUFFIX) else service.get_queue_client(poison_name)
        self._settlement = QueueSettlement(self._queue, poison, settings)
        self._backoff = PollingBackoff(settings.max_polling_interval)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()
        self._waking = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._failures = 0

    async def start(self) -> None:
        """Create the queue when it is missing and begin to poll; a service that is away is retried."""
        first_poll = asyncio.Event()
        self._loop = asyncio.create_task(self._listen(first_poll))
        await first_poll.wait()

    async def stop(self) -> None:
        """Fetch no more messages."""
        self._stopping.set()
        self._waking.set()
        self._room.set()

    def wake(self) -> None:
        """Poll now: there is something new."""
        self._backoff.found()
        self._waking.set()

    async def drained(self) -> None:
        """Return when every fetched message is settled."""
        if self._loop is not None:
            await asyncio.gather(self._loop, return_exceptions=True)
        while self._in_flight:
            await asyncio.wait(set(self._in_flight))

    async def _listen(self, first_poll: asyncio.Event) -> None:
        while not self._stopping.is_set():
            delay_s = await self._poll()
            first_poll.set()
            if delay_s:
                await self._sleep(delay_s)
            else:
                await self._wait_for_room()

    async def _poll(self) -> float:
        """One fetch; returns the seconds to wait before the next, 0 for none."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            messages = await self._fetch()
        except ResourceNotFoundError:
            return await self._create_queue()
        except Exception as error:  # noqa: BLE001 (the listener's edge: whatever the SDK raises, listening goes on)
            return self._note_failure(error)
        self._note_recovery()
        if not messages:
            return self._backoff.next_delay_s()
        self._backoff.found()
        for message in messages:
            task = asyncio.create_task(self._process(message))
            self._in_flight.add(task)
            task.add_done_callback(self._finish)
        return 0

    async def _fetch(self) -> list[Any]:
        pages = self._queue.receive_messages(
            messages_per_page=self._settings.batch_size,
            max_messages=self._settings.batch_size,
            visibility_timeout=VISIBILITY_S,
            retry_total=0,  # the listener has a back-off of its own
        )
        return [message async for message in pages]

    async def _create_queue(self) -> float:
        from azure.core.exceptions import AzureError, ResourceExistsError

        try:
            await self._queue.create_queue(retry_total=0)
            log.info("Created the queue %s", self._name)
        except ResourceExistsError:
            pass
        except AzureError as error:
            return self._note_failure(error)
        self._note_recovery()
        return self._backoff.next_delay_s()

    def _note_failure(self, error: Exception) -> float:
        self._failures += 1
        if self._failures == _FAILURES_TO_TELL:
            log.warning("The queue %s cannot be reached and is retried: %s", self._name, _brief(error))
        return min(_RECONNECT_MAXIMUM_S, 0.1 * float(2 ** min(self._failures, 10)))

    def _note_recovery(self) -> None:
        if self._failures >= _FAILURES_TO_TELL:
            log.info("The queue %s is reached again", self._name)
            self._backoff.found()
        self._failures = 0

    async def _sleep(self, delay_s: float) -> None:
        try:
            await asyncio.wait_for(self._waking.wait(), delay_s)
        except TimeoutError:
            return
        self._waking.clear()

    async def _wait_for_room(self) -> None:
        """Until few enough messages are in flight for another batch."""
        while len(self._in_flight) > self._settings.refill_threshold and not self._stopping.is_set():
            self._room.clear()
            await self._room.wait()

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._room.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A message of %s could not be settled; it comes back: %s", self._name, _brief(error))

    async def _process(self, message: Any) -> None:
        lease = MessageLease(self._queue, message)
        if message.dequeue_count > self._settings.max_dequeue_count:
            await self._settlement.poison(message, lease)
            return
        try:
            body = decode_body(message.content, self._settings.message_encoding)
        except ValueError as error:
            log.error("Message %s of %s is poisoned: %s", message.id, self._name, error)
            await self._settlement.poison(message, lease)
            return
        lease.start()
        try:
            succeeded = await self._invoke(message, body)
        finally:
            await lease.release()
        await (self._settlement.succeed if succeeded else self._settlement.fail)(message, lease)

    async def _invoke(self, message: Any, body: bytes) -> bool:
        """Whether the function succeeded; the invoker has logged why not."""
        trigger = self._function.plan.trigger
        data: BindingData = binding_data(message, body) if self._function.has_bindings else {}
        try:
            value = decode(trigger.converter, body_datum(body), trigger_metadata(message), f"parameter {trigger.name}")
            await self._invoker.execute(self._function, value, data, self._function.new_context())
        except Exception:  # noqa: BLE001 (the trigger's edge)
            return False
        return True


def _brief(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
