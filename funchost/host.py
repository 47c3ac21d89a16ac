"""The host: composes functions, listeners, engine and HTTP server; starts and drains them in order."""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from funchost.app_settings import expand
from funchost.binder import Binder
from funchost.bindings.signalr import SignalRSender
from funchost.calls_by_hand import CallsByHand
from funchost.definitions import FunctionDefinition
from funchost.durable_invocation import DurableInvocation
from funchost.enqueued import EnqueuedWatcher
from funchost.errors import HostError
from funchost.function import BoundFunction
from funchost.host_json import HostJson
from funchost.invoker import Invoker
from funchost.listeners import Listeners
from funchost.storage import StorageConnections
from funchost.supported import DURABLE_TRIGGERS

VERSION = "4.funchost"
_HUB_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,44}")
log = logging.getLogger("Host")


class Host:
    """One running function app. Make it inside a running event loop."""

    def __init__(
        self,
        definitions: Sequence[FunctionDefinition],
        host_json: HostJson,
        *,
        state_dir: Path,
        base_url: str,
        host_id: str,
        listens: bool = True,
    ) -> None:
        self._host_json = host_json
        self._state_dir = state_dir
        self._base_url = base_url
        self._storage = StorageConnections()
        self._sender = SignalRSender()
        self.invoker = Invoker(host_json.function_timeout)
        self.engine: Any = None
        enqueued = EnqueuedWatcher()
        binder = Binder(host_json, self._storage, self._sender, lambda: self.engine, enqueued)
        self.bound = [binder.bind(definition) for definition in definitions]
        self.engine = self._make_engine()
        listeners = Listeners(self.invoker, self._storage, host_json.extensions, state_dir, host_id, enqueued)
        listening = self.bound if listens else []
        self._listeners = [listener for function in listening if (listener := listeners.make(function))]
        self._by_name = {function.name: function for function in self.bound}
        self._by_hand = CallsByHand(self.invoker, self._storage)
        self._is_warm = False
        self._started = time.monotonic()
        for definition in definitions:
            if definition.retry and definition.trigger.type in DURABLE_TRIGGERS:
                log.warning("Function %s: durable functions take their retry options from the caller", definition.name)
        self.is_ready = False

    def _by_trigger(self, *types: str) -> list[BoundFunction]:
        return [function for function in self.bound if function.definition.trigger.type in types]

    def http_functions(self) -> list[BoundFunction]:
        """The functions with an HTTP trigger."""
        return self._by_trigger("httpTrigger")

    def _make_engine(self) -> Any:
        """The durable engine; None when no function needs one."""
        durable = self._by_trigger(*DURABLE_TRIGGERS)
        has_clients = any(p.binding.type == "durableClient" for f in self.bound for p in f.plan.inputs)
        if not durable and not has_clients:
            return None
        from funchost.durable import DurableEngine

        invocation = DurableInvocation({f.name: f for f in durable}, self.invoker, logging.DEBUG)
        return DurableEngine(
            functions=durable_functions([f.definition for f in durable]),
            invoke=invocation.invoke,
            settings=durable_settings(self._host_json.extensions.durable_task.settings()),
            state_dir=self._state_dir,
            base_url=self._base_url,
        )

    async def start(self) -> None:
        """Start the engine, warm up, start every listener; then the host is ready."""
        if self.engine is not None:
            await self._start_engine()
        await self.warm_up()
        await asyncio.gather(*(listener.start() for listener in self._listeners))
        self.is_ready = True

    async def _start_engine(self) -> None:
        from funchost.durable.errors import DurableError

        try:
            await self.engine.start()
        except DurableError as error:
            remedy = "Use another FUNCHOST_STATE_DIR or hubName, if the message names nothing better."
            where = str(self._state_dir)
            raise HostError(f"The durable engine cannot start: {error}", where=where, remedy=remedy) from None

    async def warm_up(self) -> None:
        """Run the warm-up functions unless they have run."""
        if self._is_warm:
            return
        self._is_warm = True
        for function in self._by_trigger("warmupTrigger"):
            try:
                await self._by_hand.call(function, "")
            except Exception:  # noqa: BLE001 (the trigger's edge: a failed warm-up does not keep the app down)
                log.warning("The warm-up function %s failed", function.name)

    def begin(self, name: str, text: str) -> bool:
        """Begin to run the function with the trigger input; False when only the durable engine may call it."""
        function = self._by_name[name]
        if self._by_hand.can_call(function):
            self._by_hand.begin(function, text)
            return True
        return False

    async def call(self, name: str, text: str = "") -> Any:
        """The result of the function for the trigger input. Raises KeyError, and what the function raised."""
        return await self._by_hand.call(self._by_name[name], text)

    async def drain(self, grace_s: float, requests_ended: Callable[[], Awaitable[None]]) -> bool:
        """Take nothing new, let what is in flight finish; False when something had to be cut off.

        `requests_ended` waits for HTTP functions. The engine stops last of all, as running functions may call it.
        """
        self.is_ready = False
        self.invoker.stop_retries()
        deadline = time.monotonic() + grace_s
        for listener in self._listeners:
            await listener.stop()
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + grace_s):
                drained = [listener.drained() for listener in self._listeners]
                await asyncio.gather(requests_ended(), self._by_hand.drained(), *drained)
        except TimeoutError:
            return False
        if self.engine is not None:
            await self.engine.drain(max(0.0, deadline - time.monotonic()))
        return self.invoker.in_flight.count == 0

    async def close(self) -> None:
        """Close clients and threads."""
        self.invoker.close()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._storage.close)
            stack.push_async_callback(self._sender.close)
            if (http := sys.modules.get("azure.durable_functions.models.utils.http_utils")) is not None:
                stack.push_async_callback(http._close_session)  # the SDK offers no public way, and would complain

    def status(self) -> Mapping[str, Any]:
        """What /admin/host/status shows."""
        return {
            "id": "funchost",
            "state": "Running" if self.is_ready else "Initializing",
            "version": VERSION,
            "versionDetails": VERSION,
            "processUptime": int((time.monotonic() - self._started) * 1000),
            "functionsInFlight": self.invoker.in_flight.count,
        }

    def functions(self) -> Sequence[Mapping[str, Any]]:
        """What /admin/functions shows."""
        return [
            {
                "name": f.name,
                "language": "python",
                "isDisabled": False,
                "config": {"bindings": [dict(b.properties) for b in f.definition.bindings]},
            }
            for f in self.bound
        ]


def durable_settings(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The durableTask section with %SETTING% in hubName replaced. Raises HostError for no file's name."""
    where = "host.json, key extensions.durableTask.hubName"
    hub = expand(settings.get("hubName") or "", where=where)
    if hub and not _HUB_NAME.fullmatch(hub):
        remedy = "Use letters, digits, - and _, a letter first, at most 45."
        raise HostError(f"{hub!r} cannot be the name of a task hub", where=where, remedy=remedy)
    return {**settings, "hubName": hub}


def durable_name(definition: FunctionDefinition) -> str:
    """The name that orchestrations and clients call the function by: the trigger's, else the function's."""
    trigger = definition.trigger
    return trigger.text("orchestration") or trigger.text("activity") or trigger.text("entityName") or definition.name


def durable_functions(definitions: Sequence[FunctionDefinition]) -> dict[str, tuple[str, str]]:
    """Kind and function name by durable name. Raises HostError for a name used twice."""
    functions: dict[str, tuple[str, str]] = {}
    for definition in definitions:
        name = durable_name(definition)
        if name in functions:
            raise HostError(f"Two durable functions are named {name}", where=definition.where, remedy="Rename one.")
        functions[name] = (DURABLE_TRIGGERS[definition.trigger.type], definition.name)
    return functions
