"""A way to a server that can be cut, as when that server is away, and mended."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.integration.edge.upstream import HOST


@dataclass
class Forwarder:
    """Takes connections at `port` of loopback and carries them on, while it is not cut."""

    port: int
    target: int
    is_cut: bool = False
    _open: set[socket.socket] = field(default_factory=set)

    def cut(self) -> None:
        """Break what is open, and all that comes."""
        self.is_cut = True
        for connection in list(self._open):
            _close(connection)

    def mend(self) -> None:
        """Carry on what comes."""
        self.is_cut = False

    def carry(self, client: socket.socket) -> None:
        """Carry one connection in both directions until an end of it closes."""
        if self.is_cut:
            _close(client)
            return
        server = socket.create_connection((HOST, self.target))
        self._open |= {client, server}
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pipe, args=(source, sink), daemon=True).start()

    def _pipe(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                sink.sendall(piece)
        for connection in (source, sink):
            self._open.discard(connection)
            _close(connection)


@contextmanager
def forwarding_to(target: int) -> Iterator[Forwarder]:
    """A forwarder to a port of this machine, while entered."""
    with socket.create_server((HOST, 0)) as listening:
        forwarder = Forwarder(listening.getsockname()[1], target)
        threading.Thread(target=_serve, args=(listening, forwarder), daemon=True).start()
        yield forwarder
        forwarder.cut()


def _serve(listening: socket.socket, forwarder: Forwarder) -> None:
    with suppress(OSError):
        while True:
            forwarder.carry(listening.accept()[0])


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
