"""The durable engine as the host sees it: start, drain, a client binding, an ASGI app."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from funchost.durable.activities import ActivityWorker
from funchost.durable.backend import Backend
from funchost.durable.client import TaskHubClient
from funchost.durable.clock import Clock, SystemClock
from funchost.durable.http_api import ManagementApi
from funchost.durable.http_calls import HttpSender, send
from funchost.durable.links import Links
from funchost.durable.orchestrations import OrchestrationWorker
from funchost.durable.registry import KnownFunctions
from funchost.durable.settings import HubSettings
from funchost.durable.sqlite import SqliteBackend


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much is at work or in line now."""

    orchestrations: int
    activities: int
    timers: int


class DurableEngine:
    """Runs the durable functions of one app on one task hub.

    `functions` maps a durable name to (kind: "orchestrator" | "activity" | "entity", function name).
    `invoke(function_name, argument, trace_parent)` runs a function: an orchestrator gets the replay JSON and returns
    its state JSON; an activity gets its input as JSON text and returns its value (anything that df_dumps takes).
    An exception of it is the function's failure.
    `settings` is the durableTask section of host.json (HubSettings.read). `http` makes the requests of durable HTTP
    calls. The hub is kept in `<state_dir>/<hubName>.db` unless a `backend` is given.
    """

    def __init__(
        self,
        functions: Mapping[str, tuple[str, str]],
        invoke: Callable[[str, str, str | None], Awaitable[Any]],
        settings: Mapping[str, Any],
        state_dir: Path,
        base_url: str,
        clock: Clock | None = None,
        backend: Backend | None = None,
        http: HttpSender = send,
    ) -> None:
        read = HubSettings.read(settings)
        self.hub = read.hub
        clock = clock or SystemClock()
        known = KnownFunctions.of(functions, read.default_version)
        self._backend = backend or SqliteBackend(state_dir / f"{self.hub}.db")
        self._worker = OrchestrationWorker(self._backend, invoke, known, clock, read.orchestrators, read.sessions)
        self._activities = ActivityWorker(
            self._backend,
            invoke,
            known.activities,
            clock,
            read.activities,
            self._worker.deliver,
            http=http,
            poll_pause=read.poll_pause,
        )
        self._worker.activities = self._activities
        self._links = Links(base_url, self.hub)
        self.client = TaskHubClient(self._backend, self._worker, known, clock, replace_running=read.replaces_running)
        self._is_open = asyncio.Event()
        self.asgi = ManagementApi(self.client, self._links, self._is_open)

    async def start(self) -> None:
        """Open the hub and go on with everything that waits in it.

        Raises HubInUse, HubCorrupt, HubTooNew, StorageUnavailable.
        """
        pending = await self._backend.open()
        self._worker.timers.add(pending.timers)
        for task in pending.activities:
            self._activities.submit(task)
        for instance_id in pending.instances:
            self._worker.wake(instance_id)
        self._is_open.set()

    async def drain(self, timeout_s: float) -> None:
        """Begin nothing new, wait up to `timeout_s` for what runs, close the hub. What was cut off runs again."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        await self._activities.stop(timeout_s)
        await self._worker.stop(max(0.0, deadline - loop.time()))
        await self._backend.close()

    def client_binding(self, task_hub: str | None = None, connection: str | None = None) -> str:
        """The JSON that the `durableClient` input binding gives to a function."""
        return self._links.client_binding(task_hub, connection)

    def waiting(self) -> Waiting:
        """How much is at work or in line now."""
        return Waiting(len(self._worker), len(self._activities), len(self._worker.timers))
