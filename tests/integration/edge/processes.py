"""The edge's parts as they run in these tests: Envoys as processes, apps on one event loop in a thread."""

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from chassis.settings import ROOT
from local.edge import edge_module, envoy_command
from tests.integration.edge.names import resolver
from tests.integration.edge.upstream import HOST


def wait_until(condition: Callable[[], bool], what: str, within_s: float = 30) -> None:
    """Look often until the condition holds. Fails when it never does."""
    ends_at = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends_at:
            pytest.fail(f"not within {within_s} s: {what}")
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether there is a 200 at the address, whoever may have signed its certificate."""
    try:
        return httpx.get(url, timeout=5, verify=False).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def served(apps: Iterable[tuple[str, int, FastAPI]]) -> Iterator[None]:
    """Each app at its host and port until the end; those with a runtime are ready before Envoy starts."""
    apps = list(apps)
    servers = [
        uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", lifespan="off"))
        for host, port, app in apps
    ]

    async def serve() -> None:
        await asyncio.gather(*(server.serve() for server in servers))
        for _, _, app in apps:
            if hasattr(app.state, "runtime"):
                await app.state.runtime.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    wait_until(lambda: all(server.started for server in servers), "the apps listen")
    # The first look at readiness makes the control secret, which must be there before Envoy starts.
    for host, port, app in apps:
        if hasattr(app.state, "runtime"):
            ready = f"http://{host}:{port}/{app.title}/health/ready"
            wait_until(partial(answers, ready), f"{app.title} is ready")
    yield
    for server in servers:
        server.should_exit = True
    thread.join(10)


@dataclass(frozen=True)
class EnvoyPorts:
    """Where one Envoy listens, and where it finds the gateway app and names. `tls` 0: without TLS."""

    edge: int
    admin: int
    gateway: int
    names: int
    tls: int = 0


@contextmanager
def envoy(
    folder: Path, id: str, ports: EnvoyPorts, max_heap_bytes: int = 1_073_741_824, *, module: bool = True
) -> Iterator[None]:
    """An Envoy with the real bootstrap; its log is `<id>.log`, its certificate in `tls`, both below the folder.

    Without the `module` its own filters do the checks.
    """
    template = Template((ROOT / "functions" / "gateway" / "envoy" / "bootstrap.yaml").read_text())
    config = folder / f"{id}.yaml"
    config.write_text(
        template.substitute(
            EDGE_ID=id,
            EDGE_HOST=HOST,
            EDGE_PORT=ports.edge,
            EDGE_TLS_PORT=ports.tls,
            EDGE_TLS_CERTIFICATE=folder / "tls" / "tls.crt" if ports.tls else "",
            EDGE_TLS_KEY=folder / "tls" / "tls.key" if ports.tls else "",
            EDGE_MODULE=(edge_module() or "") if module else "",
            EDGE_MAX_HEAP_BYTES=max_heap_bytes,
            ADMIN_PORT=ports.admin,
            GATEWAY_HOST=HOST,
            GATEWAY_PORT=ports.gateway,
            CONTROL_SECRET_FILE=folder / "keys" / "edge-control.secret",
        )
        + resolver(ports.names)
    )
    with (folder / f"{id}.log").open("wb") as log:
        process = subprocess.Popen(envoy_command(config), stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)
