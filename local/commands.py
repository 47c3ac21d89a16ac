"""What `make up`, `make down` and `make status` do."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from rich.console import Console

from chassis.manifest import SERVICES
from local.azurite import AzuriteError
from local.edge import EdgeError
from local.layout import Layout
from local.platform import Platform, cancelled_by, running_endpoints
from local.supervisor.orphans import end_orphans
from local.supervisor.probes import answering, listening
from local.supervisor.state import AlreadyRunningError, read_state, supervisor_pid, write_state
from local.supervisor.supervisor import StartError, tail
from local.view import status_table, url_table

STOP_TIMEOUT_S = 60.0
DETACHED_LOG = "supervisor.log"


def up(services: tuple[str, ...] = SERVICES) -> int:
    """Start these services and stay until Ctrl-C or `down`. 0 when it was stopped, 1 when it could not start."""
    console = Console()
    try:
        asyncio.run(_stay(console, services))
    except (StartError, AlreadyRunningError, AzuriteError, EdgeError) as error:
        console.print(f"\n[bold red]The platform did not start.[/] {error}", highlight=False, soft_wrap=True)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("The platform is stopped.")
    return 0


def detach(services: tuple[str, ...] = SERVICES) -> int:
    """Start these services in the background; comes back when it is ready, or with what went wrong."""
    console, layout = Console(), Layout()
    layout.make()
    log = layout.logs / DETACHED_LOG
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "local", "up", "--services", ",".join(services)],
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


def down() -> int:
    """Stop the running supervisor, and what a killed one left behind. 0 also when nothing runs."""
    console, layout = Console(), Layout()
    pid = supervisor_pid(layout.lock_file)
    if pid is not None:
        with console.status("Stopping the platform"):
            _end_supervisor(pid, layout.lock_file)
    orphans = end_orphans(read_state(layout.state_file)) if layout.state_file.exists() else []
    if orphans:
        console.print(f"Ended what was left running: {', '.join(orphans)}")
    if layout.state_file.exists():
        write_state(layout.state_file, read_state(layout.state_file).model_copy(update={"supervisor": None}))
    console.print("The platform is stopped." if pid or orphans else "Nothing runs.")
    return 0


def status() -> int:
    """Print what is healthy now. 0 when all is, 1 when something is not, 3 when nothing runs."""
    console, layout = Console(), Layout()
    if supervisor_pid(layout.lock_file) is None:
        console.print("Nothing runs. `make up` starts the platform.")
        return 3
    state = read_state(layout.state_file)
    health = asyncio.run(_health(state.ports))
    console.print(status_table(state.processes.values(), health))
    console.print("The logs are .local/logs/<process>.log.", style="dim", highlight=False)
    return 0 if all(health.get(name, False) for name in state.processes) else 1


async def _stay(console: Console, services: tuple[str, ...]) -> None:
    async with cancelled_by(signal.SIGTERM), Platform(console=console, services=services) as platform:
        if platform.ended_orphans:
            console.print(f"Ended what an earlier start left: {', '.join(platform.ended_orphans)}")
        _tell_where(console, platform.layout)
        console.print("Ctrl-C, or `make down` in another terminal, stops it.")
        await asyncio.Event().wait()


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


async def _health(ports: dict[str, int]) -> dict[str, bool]:
    def http(name: str, path: str) -> str:
        return f"http://127.0.0.1:{ports[name]}{path}"

    others = {"edge", "envoy-admin", "signalr", "mail"}
    services = [name for name in ports if name not in others and not name.startswith("azurite-")]
    azurite = [port for name, port in ports.items() if name.startswith("azurite-")]
    probes = {
        "azurite": listening(*azurite),
        "signalr": answering(http("signalr", "/api/health")),
        "mail": listening(ports["mail"]),
        **{name: answering(http(name, f"/{name}/health/ready")) for name in services},
        "edge": answering(http("envoy-admin", "/ready"), http("edge", "/gateway/health/live")),
    }
    answers = await asyncio.gather(*(probe() for probe in probes.values()))
    return dict(zip(probes, answers, strict=True))
