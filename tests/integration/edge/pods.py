"""Pods of one service as the edge meets them: each at an address of its own, on one port, as well as a test says."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

ADDRESSES = ("127.0.0.2", "127.0.0.3")
"""Every address of 127.0.0.0/8 is this machine."""
NAME = "processing-pods.test"

Mood = Literal["serves", "fails", "resets", "is silent"]


@dataclass
class Pod:
    """One pod. Whatever its mood, it answers the liveness check: only requests tell that it is ill."""

    address: str
    port: int
    mood: Mood = "serves"
    asked: list[str] = field(default_factory=list)
    """Method and path of each request but health checks."""
    released: threading.Event = field(default_factory=threading.Event)
    """Ends the silence, and the work that `/processing/jobs/held` asks for."""

    _server: "_Server | None" = None

    def start(self) -> None:
        """Listen, and be well."""
        self.mood = "serves"
        self.released.clear()
        self._server = _Server((self.address, self.port), type("Handler", (_Handler,), {"pod": self}))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """End as by an accident: connections break, further ones are refused."""
        if self._server:
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextmanager
def served_pods(port: int) -> Iterator[tuple[Pod, ...]]:
    """A pod at each of the addresses, while entered."""
    pods = tuple(Pod(address, port) for address in ADDRESSES)
    for pod in pods:
        pod.start()
    yield pods
    for pod in pods:
        pod.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        """A new connection, known from now on."""
        connection, sender = super().get_request()
        self.open.add(connection)
        return connection, sender

    def server_close(self) -> None:
        """Close the connections, too: a pod's end leaves none."""
        super().server_close()
        for connection in self.open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    pod: Pod
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer as the pod's mood has it."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/processing/health/live":
            return self._answer(200)
        self.pod.asked.append(f"{self.command} {self.path}")
        if self.pod.mood == "resets":
            return self._reset()
        if self.pod.mood == "is silent" or self.path == "/processing/jobs/held":
            self.pod.released.wait(30)
        return self._answer(503 if self.pod.mood == "fails" else 200)

    def do_POST(self) -> None:
        """The same."""
        self.do_GET()

    def _answer(self, status: int) -> None:
        body = self.pod.address.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *given: object) -> None:
        """Say nothing."""
