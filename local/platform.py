"""The whole platform on one machine, as an async context manager: what `make up`, the demo and the tests start."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rich.console import Console

from chassis.manifest import SERVICES, read_manifests
from local import ports
from local.credentials import DemoClient, make_credentials, read_demo_client
from local.layout import ROOT, Layout
from local.plan import DEFAULT_PORTS, Plan
from local.supervisor.orphans import end_orphans
from local.supervisor.state import ProcessRecord, State, read_state, sole_supervisor, supervisor_pid, write_state
from local.supervisor.supervisor import Listener, Supervisor
from local.view import StartView


@dataclass(frozen=True)
class Endpoints:
    """Where a running platform is reached, by people and by programs."""

    ports: Mapping[str, int]
    mail_folder: Path
    demo_client: DemoClient

    @property
    def edge_url(self) -> str:
        """The one way in."""
        return f"http://127.0.0.1:{self.ports['edge']}"

    @property
    def signalr_url(self) -> str:
        """The SignalR stand-in."""
        return f"http://127.0.0.1:{self.ports['signalr']}"

    @property
    def urls(self) -> dict[str, str]:
        """Each service's own address, behind the edge."""
        return {service: f"http://127.0.0.1:{self.ports[service]}" for service in SERVICES}


class Platform:
    """Starts everything on entering, stops everything on leaving; `on_change` hears of every change of a process.

    `state_dir` (default `.local/`) keeps ports, data, keys and logs; one platform at a time may use it
    (AlreadyRunningError). `free_ports` takes any free ports instead of the default ones, so that several platforms run
    side by side. `services` are those to start (the edge comes with the gateway); `environment` is added to their
    settings. With a `console`, the start and later accidents are shown on it. Entering raises StartError when a
    process does not become ready; then nothing is left running.
    """

    def __init__(
        self,
        root: Path = ROOT,
        state_dir: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        services: Sequence[str] = SERVICES,
        free_ports: bool = False,
        on_change: Listener | None = None,
        console: Console | None = None,
    ) -> None:
        self.layout = Layout(root, state_dir or root / ".local")
        self._environment = dict(environment or {})
        self._services = tuple(services)
        self._free_ports = free_ports
        self._listener = on_change
        self._console = console
        self._view = StartView(console) if console is not None else None
        self._stack = contextlib.AsyncExitStack()
        self.ended_orphans: list[str] = []

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self.layout.make()
            stack.enter_context(sole_supervisor(self.layout.lock_file))
            self.ended_orphans = end_orphans(read_state(self.layout.state_file))
            self.plan = self._make_plan()
            self.supervisor = Supervisor(self.plan.specs(), self.layout.logs, self._changed)
            self._write_state()
            if self._console is not None and (note := self.plan.without_module()):
                self._console.print(f"  {note}", style="dim", highlight=False, soft_wrap=True)
            stack.push_async_callback(self._stop)
            with self._view or contextlib.nullcontext():
                await self.supervisor.start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is reached."""
        return Endpoints(self.plan.ports, self.layout.mail, self.demo_client)

    @property
    def edge_url(self) -> str:
        """The one way in, without a trailing slash."""
        return self.endpoints.edge_url

    @property
    def urls(self) -> dict[str, str]:
        """Each service's own address."""
        return self.endpoints.urls

    @property
    def signalr_url(self) -> str:
        """The SignalR stand-in's address."""
        return self.endpoints.signalr_url

    @property
    def demo_client(self) -> DemoClient:
        """The demo client's id and secret."""
        return self.plan.credentials.demo_client

    @property
    def mail_folder(self) -> Path:
        """Where the SMTP sink keeps what it received."""
        return self.layout.mail

    @property
    def storage_connection(self) -> str:
        """The connection string of Azurite."""
        return self.plan.storage_connection()

    @property
    def processes(self) -> dict[str, int]:
        """The process id of each running process by name."""
        return self.supervisor.pids

    @property
    def records(self) -> dict[str, ProcessRecord]:
        """The last known status of each process by name."""
        return self.supervisor.records

    async def stop_service(self, name: str) -> None:
        """Stop a process and leave it stopped."""
        await self.supervisor.stop([name])

    async def start_service(self, name: str) -> None:
        """Start a stopped process and wait until it is ready."""
        await self.supervisor.start([name])

    async def kill(self, name: str) -> None:
        """`kill -9` a process; it is restarted with back-off. Comes back when it is dead."""
        await self.supervisor.kill(name)

    async def until_ready(self, name: str, timeout_s: float = 60) -> None:
        """Wait until a process is ready (again). Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self.supervisor.until_ready(name)

    def _make_plan(self) -> Plan:
        manifests = read_manifests(self.layout.root / "functions")
        wanted = dict.fromkeys(DEFAULT_PORTS, 0) if self._free_ports else DEFAULT_PORTS
        chosen = ports.choose(wanted)
        credentials = make_credentials(self.layout, manifests, f"http://127.0.0.1:{chosen['edge']}")
        return Plan(self.layout, chosen, credentials, manifests, self._environment, self._services)

    async def _stop(self) -> None:
        if self._console is not None and self.supervisor.pids:
            self._console.print("  Stopping: the edge first, then the services, storage last …", style="dim")
        await self.supervisor.stop()
        self._write_state(running=False)

    def _changed(self, record: ProcessRecord) -> None:
        self._write_state()
        for listener in (self._view, self._listener):
            if listener is not None:
                listener(record)

    def _write_state(self, *, running: bool = True) -> None:
        pid = supervisor_pid(self.layout.lock_file) if running else None
        state = State(supervisor=pid, ports=dict(self.plan.ports), processes=self.supervisor.records)
        write_state(self.layout.state_file, state)


def running_endpoints(layout: Layout | None = None) -> Endpoints | None:
    """Where the platform that runs now (`make up`) is reached; None when none runs or it is still starting."""
    layout = layout or Layout()
    state = read_state(layout.state_file)
    demo_client = read_demo_client(layout.demo_client_file)
    ready = bool(state.processes) and all(record.status in ("ready", "stopped") for record in state.processes.values())
    if supervisor_pid(layout.lock_file) is None or demo_client is None or not ready:
        return None
    return Endpoints(state.ports, layout.mail, demo_client)


@contextlib.asynccontextmanager
async def cancelled_by(*signals: signal.Signals) -> AsyncIterator[None]:
    """Let these signals cancel the current task, so that everything it holds is given back in order."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101
    for number in signals:
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
