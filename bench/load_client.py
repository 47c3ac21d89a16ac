"""Keep-alive HTTP load on raw sockets, for machines without wrk: `URL SECONDS CONNECTIONS [TOKENS_FILE]`."""

import asyncio
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import orjson

from bench.statistics import percentile

_LENGTH = b"\r\ncontent-length: "


class Load:
    """What all connections share: the requests to send in turn, and what came back."""

    def __init__(self, requests: list[bytes], ends_at: float) -> None:
        self.requests: Iterator[bytes] = itertools.cycle(requests)
        self.ends_at = ends_at
        self.latencies_s: list[float] = []
        self.failures = 0


class Connection(asyncio.Protocol):
    """Sends a request, waits for the whole answer, sends the next."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._received = bytearray()
        self._sent_at = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Count an answer that is whole."""
        self._received += data
        size = answer_size(self._received)
        if size is None or len(self._received) < size:
            return
        now = perf_counter()
        self._load.latencies_s.append(now - self._sent_at)
        self._load.failures += not self._received.startswith(b"HTTP/1.1 2")
        self._received.clear()
        if now < self._load.ends_at:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end; before the time is up it is a failure."""
        self._load.failures += perf_counter() < self._load.ends_at
        if not self.ended.done():
            self.ended.set_result(None)

    def _send(self) -> None:
        self._sent_at = perf_counter()
        self._transport.write(next(self._load.requests))


def answer_size(received: bytes | bytearray) -> int | None:
    """The bytes of the whole answer; None while its head is not complete. Raises ValueError without a length."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    head = bytes(received[: head_end + 2]).lower()
    at = head.find(_LENGTH)
    if at < 0:
        raise ValueError("only answers with a content-length are understood")
    value = head[at + len(_LENGTH) : head.index(b"\r\n", at + 2)]
    return head_end + 4 + int(value)


def request_bytes(url: str, token: str | None) -> bytes:
    """A GET request with or without a bearer token."""
    parts = urlsplit(url)
    lines = [f"GET {parts.path or '/'} HTTP/1.1", f"host: {parts.netloc}"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def run(url: str, seconds: float, connections: int, tokens: list[str]) -> dict[str, float]:
    """The report: rate, p50 and p99 in ms, failures."""
    began = perf_counter()
    load = Load([request_bytes(url, token) for token in tokens or [""]], began + seconds)
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(lambda: Connection(load), parts.hostname or "127.0.0.1", parts.port or 80)
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.ended for _, connection in pairs))
    took = perf_counter() - began
    p50, p99 = (percentile(load.latencies_s, share) * 1000 for share in (0.5, 0.99))
    return {"rate": len(load.latencies_s) / took, "p50": p50, "p99": p99, "failures": load.failures}


def main(arguments: list[str]) -> None:
    """Print the report as JSON."""
    url, seconds, connections, *file = arguments
    tokens = Path(file[0]).read_text(encoding="ascii").split() if file else []
    print(orjson.dumps(asyncio.run(run(url, float(seconds), int(connections), tokens))).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
