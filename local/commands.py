"""What `make up`, `make down` and `make status` do."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console

from chassis.manifest import SERVICES
from local.azurite import AzuriteError
from local.edge import EdgeError
from local.layout import Layout
from local.platform import Platform, cancelled_by, running_endpoints
from local.scaler.chart import draw
from local.scaler.scaling import Scaling, read_trace
from local.supervisor.orphans import end_orphans
from local.supervisor.probes import Probe, answering, listening
from local.supervisor.state import AlreadyRunningError, State, read_state, supervisor_pid, write_state
from local.supervisor.supervisor import StartError, tail
from local.view import status_table, url_table

STOP_TIMEOUT_S = 60.0
DETACHED_LOG = "supervisor.log"


@dataclass(frozen=True)
class Options:
    """What the command line may change: which services, where the state lies, any free ports.

    `scale_speed` None: nothing is scaled.
    """

    state_dir: Path = Layout().state_dir
    services: tuple[str, ...] = SERVICES
    free_ports: bool = False
    scale_speed: float | None = None

    @property
    def layout(self) -> Layout:
        """The folders of this platform."""
        return Layout(state_dir=self.state_dir)

    def arguments(self) -> list[str]:
        """The command line that `up` needs to do the same."""
        given = ["--state-dir", str(self.state_dir), "up", "--services", ",".join(self.services)]
        given += ["--free-ports"] if self.free_ports else []
        return given if self.scale_speed is None else [*given, "--scale", "--scale-speed", f"{self.scale_speed:g}"]


def up(options: Options) -> int:
    """Start and stay until Ctrl-C or `down`. 0 when it was stopped, 1 when it could not start."""
    console = Console()
    try:
        asyncio.run(_stay(console, options))
    except (StartError, AlreadyRunningError, AzuriteError, EdgeError) as error:
        console.print(f"\n[bold red]The platform did not start.[/] {error}", highlight=False, soft_wrap=True)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("The platform is stopped.")
    return 0


def detach(options: Options) -> int:
    """Start in the background; comes back when all is ready (0), or with what went wrong (1)."""
    console, layout = Console(), options.layout
    layout.make()
    log = layout.logs / DETACHED_LOG
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "local", *options.arguments()],
            cwd=layout.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    with console.status("Starting the platform"):
        while process.poll() is None and not _is_up(layout, process.pid):
            time.sleep(0.2)
    if process.poll() is not None:
        console.print(tail(log, 30), highlight=False, soft_wrap=True)
        return 1
    _tell_where(console, layout)
    return 0


def down(options: Options) -> int:
    """Stop the running supervisor, and what a killed one left behind. 0 also when nothing runs."""
    console, layout = Console(), options.layout
    pid = supervisor_pid(layout.lock_file)
    if pid is not None:
        with console.status("Stopping the platform"):
            _end_supervisor(pid, layout.lock_file)
    orphans = end_orphans(read_state(layout.state_file))
    if orphans:
        console.print(f"Ended what was left running: {', '.join(orphans)}")
    if layout.state_file.exists():
        write_state(layout.state_file, read_state(layout.state_file).model_copy(update={"supervisor": None}))
    console.print("The platform is stopped." if pid or orphans else "Nothing runs.")
    return 0


def status(options: Options) -> int:
    """Print what is healthy now. 0 when all is, 1 when something is not, 3 when nothing runs."""
    console, layout = Console(), options.layout
    if supervisor_pid(layout.lock_file) is None:
        console.print("Nothing runs. `make up` starts the platform.")
        return 3
    state = read_state(layout.state_file)
    health = asyncio.run(_health(state))
    console.print(status_table(state.processes.values(), health))
    console.print(f"The logs are {layout.logs}/<process>.log.", style="dim", highlight=False, soft_wrap=True)
    return 0 if all(health.values()) else 1


async def _stay(console: Console, options: Options) -> None:
    platform = Platform(
        state_dir=options.state_dir, services=options.services, free_ports=options.free_ports, console=console
    )
    async with cancelled_by(signal.SIGTERM), platform:
        if platform.ended_orphans:
            console.print(f"Ended what an earlier start left: {', '.join(platform.ended_orphans)}")
        _tell_where(console, platform.layout)
        console.print("Ctrl-C, or `make down` in another terminal, stops it.")
        if options.scale_speed is None:
            await asyncio.Event().wait()
        else:
            await _scale(console, platform, options.scale_speed)


async def _scale(console: Console, platform: Platform, speed: float) -> None:
    """Scale until cancelled, then draw what happened."""
    folder = platform.layout.root / "build" / "scale"
    try:
        async with Scaling(platform, folder / "trace.jsonl", speed=speed) as scaling:
            names = ", ".join(scaling.rules)
            console.print(f"Scaling by keda/ (periods {speed:g} times shorter): {names}.", highlight=False)
            await asyncio.Event().wait()
    finally:
        draw(read_trace(folder / "trace.jsonl"), folder / "scale.png")
        console.print(f"Depth and replicas over time: {folder / 'scale.png'}", highlight=False)


def _tell_where(console: Console, layout: Layout) -> None:
    endpoints, state = running_endpoints(layout), read_state(layout.state_file)
    if endpoints is not None:
        console.print("\n[bold green]The platform is ready.[/]")
        console.print(url_table(endpoints.edge_url, state.processes), soft_wrap=True, highlight=False)
        console.print("`make status` says what is healthy; the logs are in .local/logs/.", highlight=False)


def _is_up(layout: Layout, pid: int) -> bool:
    return read_state(layout.state_file).supervisor == pid and running_endpoints(layout) is not None


def _end_supervisor(pid: int, lock_file: Path) -> None:
    try:
        supervisor = psutil.Process(pid)
        supervisor.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while supervisor_pid(lock_file) == pid and time.monotonic() < deadline:
            time.sleep(0.1)
        if supervisor_pid(lock_file) == pid:
            supervisor.kill()
            supervisor.wait(10)
    except psutil.NoSuchProcess:
        return


async def _health(state: State) -> dict[str, bool]:
    probes = {name: _probe(name, state.ports) for name in state.processes}
    answers = await asyncio.gather(*(probe() for probe in probes.values()))
    return dict(zip(probes, answers, strict=True))


def _probe(name: str, ports: Mapping[str, int]) -> Probe:
    if name == "azurite":
        return listening(*(port for key, port in ports.items() if key.startswith("azurite-")))
    if name == "mail":
        return listening(ports["mail"])
    if name == "edge":
        admin, edge = ports["envoy-admin"], ports["edge"]
        return answering(f"http://127.0.0.1:{admin}/ready", f"http://127.0.0.1:{edge}/gateway/health/live")
    path = "/api/health" if name == "signalr" else f"/{name}/health/ready"
    return answering(f"http://127.0.0.1:{ports[name]}{path}")
