"""A host with its HTTP server: composed, started, drained."""

import logging
import socket
from collections.abc import Sequence
from pathlib import Path

from funchost.composition import make_app
from funchost.definitions import FunctionDefinition
from funchost.host import Host
from funchost.host_id import host_id
from funchost.host_json import HostJson
from funchost.server import HttpServer

log = logging.getLogger("Host")


class RunningHost:
    """Make it inside a running event loop; `listens` False starts no listener, so that only HTTP calls functions."""

    def __init__(
        self,
        definitions: Sequence[FunctionDefinition],
        host_json: HostJson,
        listener: socket.socket,
        *,
        app_dir: Path,
        state_dir: Path,
        address: str,
        grace_s: float,
        listens: bool = True,
    ) -> None:
        name = "127.0.0.1" if address == "0.0.0.0" else address  # noqa: S104
        self.base_url = f"http://{f'[{name}]' if ':' in name else name}:{listener.getsockname()[1]}"
        self._listener = listener
        self._grace_s = grace_s
        self.host = Host(
            definitions,
            host_json,
            state_dir=state_dir,
            base_url=self.base_url,
            host_id=host_id(app_dir),
            listens=listens,
        )
        self._app = make_app(self.host, host_json, state_dir)
        self._server = HttpServer(self._app, grace_s)

    async def start(self) -> None:
        """Serve, then start everything else; returns when ready. Raises HostError."""
        await self._server.run_on(self._listener)
        await self.host.start()

    async def drain(self) -> bool:
        """Take nothing new, let what runs finish; False when the grace period ended before."""
        self._app.is_draining = True
        return await self.host.drain(self._grace_s, self._app.in_flight.ended)

    async def close(self) -> None:
        """Stop serving, let go of clients and threads."""
        await self._server.stop()
        await self.host.close()
