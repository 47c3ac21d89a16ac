"""The listener of each function that has one."""

from pathlib import Path

from funchost.app_settings import expand
from funchost.connections import connection_to, has_host_storage
from funchost.enqueued import EnqueuedWatcher
from funchost.errors import HostError
from funchost.function import BoundFunction
from funchost.host_id import function_id
from funchost.host_json import ExtensionsSection
from funchost.invoker import Invoker
from funchost.resource_names import check_name
from funchost.storage import StorageConnections
from funchost.triggers.listener import Listener


class Listeners:
    """Makes listeners; what they share is held here once."""

    def __init__(
        self,
        invoker: Invoker,
        storage: StorageConnections,
        settings: ExtensionsSection,
        state_dir: Path,
        host_id: str,
        enqueued: EnqueuedWatcher,
    ) -> None:
        self._enqueued = enqueued
        self._invoker = invoker
        self._storage = storage
        self._settings = settings
        self._state_dir = state_dir
        self._host_id = host_id

    def make(self, function: BoundFunction) -> Listener | None:
        """The listener; None when something else calls the function. Raises HostError for a wrong property."""
        makers = {"queueTrigger": self._queue, "timerTrigger": self._timer, "blobTrigger": self._blob}
        maker = makers.get(function.definition.trigger.type)
        return None if maker is None else maker(function)

    def _queue(self, function: BoundFunction) -> Listener:
        from funchost.triggers.queue import QueueListener

        trigger, where = function.definition.trigger, function.definition.where
        queue_name = check_name("queue", expand(trigger.text("queueName"), where=where).lower(), where=where)
        connection = connection_to("queue", trigger.text("connection"), where=where)
        listener = QueueListener(
            function,
            self._invoker,
            self._storage,
            connection=connection,
            queue_name=queue_name,
            settings=self._settings.queues,
        )
        self._enqueued.register(connection, queue_name, listener.wake)
        return listener

    def _blob(self, function: BoundFunction) -> Listener:
        from funchost.triggers.blob import BlobListener
        from funchost.triggers.blob_pattern import parse_blob_path

        trigger, where = function.definition.trigger, function.definition.where
        try:
            pattern = parse_blob_path(expand(trigger.text("path"), where=where))
        except ValueError as error:
            raise HostError(
                f"Function {function.name}: {error}",
                where=where,
                remedy="Write path as container/name, for example orders/{name}.json.",
            ) from None
        check_name("container", pattern.container, where=where)
        connection = connection_to("blob", trigger.text("connection"), where=where)
        connection_to("queue", trigger.text("connection"), where=where)  # noticed blobs pass through a queue
        has_own = has_host_storage()
        return BlobListener(
            function,
            self._invoker,
            self._storage,
            connection=connection,
            host_connection=connection_to("blob", None, where=where) if has_own else connection,
            pattern=pattern,
            host_id=self._host_id,
            settings=self._settings,
        )

    def _timer(self, function: BoundFunction) -> Listener:
        from funchost.triggers.schedule import parse_schedule, time_zone
        from funchost.triggers.singleton import SingletonLock
        from funchost.triggers.timer import TimerListener
        from funchost.triggers.timer_status import TimerStatusBlob, TimerStatusFile, TimerStatusStore

        trigger, where = function.definition.trigger, function.definition.where
        try:
            zone = time_zone()
        except ValueError as error:
            raise HostError(str(error), where="setting WEBSITE_TIME_ZONE", remedy="Use an IANA name, or UTC.") from None
        try:
            schedule = parse_schedule(expand(trigger.text("schedule"), where=where), zone)
        except ValueError as error:
            remedy = 'Write for example "0 */5 * * * *" (every five minutes) or "00:05:00".'
            raise HostError(f"Function {function.name}: {error}", where=where, remedy=remedy) from None
        if not has_host_storage():  # there is nothing that hosts could share
            return TimerListener(function, self._invoker, schedule, TimerStatusFile(self._state_dir, function.name))
        blobs, name = self._storage.blobs(connection_to("blob", None, where=where)), function_id(function.name)
        store: TimerStatusStore = TimerStatusBlob(blobs, self._host_id, name)
        lock = SingletonLock(blobs, self._host_id, name)
        return TimerListener(function, self._invoker, schedule, store, lock=lock)
