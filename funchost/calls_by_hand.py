"""Running a function without its trigger: `POST /admin/functions/{name}` and tests."""

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from azure.functions.http import HttpRequest
from azure.functions.meta import Datum

from funchost.app_settings import expand
from funchost.bindings.ports import BindingData
from funchost.connections import connection_string
from funchost.converters import decode
from funchost.errors import InvocationError
from funchost.function import BoundFunction
from funchost.invoker import Invoker
from funchost.storage import StorageConnections

_ENGINES_OWN = ("orchestrationTrigger", "entityTrigger")  # their input is the engine's own protocol


class CallsByHand:
    """Makes the trigger's value from a text: a message's body, a blob's path, a request's body, an activity's JSON."""

    def __init__(self, invoker: Invoker, storage: StorageConnections) -> None:
        self._invoker = invoker
        self._storage = storage
        self._running: set[asyncio.Task[Any]] = set()

    def can_call(self, function: BoundFunction) -> bool:
        """Whether the function can be called by hand."""
        return function.definition.trigger.type not in _ENGINES_OWN

    async def call(self, function: BoundFunction, text: str) -> Any:
        """The function's result. Raises what it raised; InvocationError when the text does not fit the trigger."""
        if not self.can_call(function):
            raise InvocationError(f"{function.name} can only be called by the durable engine")
        datum, metadata, data = await self._trigger(function, text)
        trigger = function.plan.trigger
        value = datum
        if isinstance(datum, Datum):
            value = decode(trigger.converter, datum, metadata, f"parameter {trigger.name}")
        return await self._invoker.execute(function, value, data, function.new_context())

    def begin(self, function: BoundFunction, text: str) -> None:
        """Call in the background; a failure is logged."""
        task = asyncio.create_task(self.call(function, text))
        self._running.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        with contextlib.suppress(asyncio.CancelledError):
            task.exception()  # the invoker has logged it

    async def drained(self) -> None:
        """Return when nothing runs that was begun."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def _trigger(self, function: BoundFunction, text: str) -> tuple[Any, Any, BindingData]:
        """The datum (a request is made whole), its metadata and what expressions can name."""
        match function.definition.trigger.type:
            case "httpTrigger":
                return _request(text), {}, {}
            case "queueTrigger":
                return _message(text)
            case "blobTrigger":
                return await self._blob(function, text)
            case "timerTrigger":
                from funchost.triggers.timer import timer_datum
                from funchost.triggers.timer_status import TimerStatus

                return timer_datum(TimerStatus(None, datetime.now(UTC)), is_past_due=False), {}, {}
            case "activityTrigger":
                return Datum(text or "null", "json"), {}, {}
        return Datum(text, "string"), {}, {}

    async def _blob(self, function: BoundFunction, path: str) -> tuple[Any, Any, BindingData]:
        from funchost.triggers.blob_content import BlobReader
        from funchost.triggers.blob_pattern import parse_blob_path

        trigger, where = function.plan.trigger, function.definition.where
        container, _, name = path.strip("/").partition("/")
        pattern = parse_blob_path(expand(trigger.binding.text("path"), where=where))
        values = pattern.match(name) if container == pattern.container else None
        service = self._storage.blobs(connection_string(trigger.binding.text("connection"), where=where))
        blob = None
        if values is not None:
            blob = await BlobReader(trigger).read(service.get_blob_client(container, name), None, values)
        if blob is None:
            raise InvocationError(f"there is no blob {path!r} that triggers {function.name}")
        return blob.datum, blob.metadata, blob.data


def _request(text: str) -> HttpRequest:
    return HttpRequest(
        method="POST",
        url="http://localhost/",
        headers={},
        params={},
        route_params={},
        body_type="bytes",
        body=text.encode(),
    )


def _message(text: str) -> tuple[Any, Any, BindingData]:
    from funchost.triggers.queue_message import binding_data, body_datum, trigger_metadata

    now = datetime.now(UTC)
    message = SimpleNamespace(
        id=str(uuid.uuid4()),
        dequeue_count=1,
        inserted_on=now,
        expires_on=now + timedelta(days=7),
        next_visible_on=now,
        pop_receipt="",
    )
    body = text.encode()
    return body_datum(body), trigger_metadata(message), binding_data(message, body)
