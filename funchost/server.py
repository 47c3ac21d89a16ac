"""uvicorn, driven by the host: its own signal handling off, its socket bound beforehand."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from funchost.errors import HostError
from funchost.http.connection import Connection

_BACKLOG = 2048
_KEEP_ALIVE_S = 130  # Kestrel's default, under the official host; proxies reuse connections for about as long


def bind_socket(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises HostError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Requests that come before the host is ready wait in the backlog instead of being refused.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise HostError(
            f"Port {port} on {host} cannot be had: {error.strerror}",
            where="--port",
            remedy="Choose another port; 0 takes a free one.",
        ) from None
    listener.setblocking(False)
    return listener


def inherited_socket(descriptor: int) -> socket.socket:
    """The listening socket that a parent process has handed down."""
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)
    return listener


class HttpServer(uvicorn.Server):
    """A uvicorn server that the host starts and stops."""

    def __init__(self, app: Any, grace_s: float) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, int(grace_s)),
            )
        )
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The host handles signals."""
        yield

    async def run_on(self, listener: socket.socket) -> None:
        """Serve in the background; returns when serving."""
        self._task = asyncio.create_task(self.serve([listener]))
        while not self.started and not self._task.done():  # noqa: ASYNC110 (uvicorn sets a flag, no event)
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Accept no more connections, let requests in progress finish, return when all are done."""
        self.should_exit = True
        if self._task is not None:
            await self._task
