"""A DNS server of a test's own, in place of a cluster's: what each of its names leads to can change at any time."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TTL_S = 30
"""As AKS' CoreDNS says of its records."""
_A, _INTERNET = 1, 1
_NO_ERROR, _SERVER_FAILURE, _NO_SUCH_NAME = 0, 2, 3


@dataclass
class Names:
    """Name → its IPv4 addresses, each an A record. A name with none is there (NODATA), any other is not (NXDOMAIN)."""

    port: int
    records: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failing: bool = False
    """Whether every question is answered with SERVFAIL."""
    asked: Counter[str] = field(default_factory=Counter)
    """How often each name was asked for."""

    def answer(self, question: bytes) -> bytes:
        """The answer to one query of one question (RFC 1035, 4.1)."""
        name, end = _name(question, 12)
        (kind,) = struct.unpack_from(">H", question, end)
        self.asked[name] += 1
        code = _SERVER_FAILURE if self.failing else _NO_ERROR if name in self.records else _NO_SUCH_NAME
        found = self.records.get(name, ()) if code == _NO_ERROR and kind == _A else ()
        header = question[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(found), 0, 0)
        return header + question[12 : end + 4] + b"".join(map(_record, found))


def _name(message: bytes, at: int) -> tuple[str, int]:
    """The name that begins there, and where it ends."""
    labels = []
    while length := message[at]:
        labels.append(message[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _record(address: str) -> bytes:
    """An A record of the name in the question."""
    return struct.pack(">HHHIH", 0xC00C, _A, _INTERNET, TTL_S, 4) + socket.inet_aton(address)


@contextmanager
def served_names() -> Iterator[Names]:
    """The server on a free UDP port of loopback, while entered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        names, ended = Names(server.getsockname()[1]), threading.Event()
        thread = threading.Thread(target=_serve, args=(server, names, ended), daemon=True)
        thread.start()
        yield names
        ended.set()
        thread.join(5)


def _serve(server: socket.socket, names: Names, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            question, sender = server.recvfrom(4096)
        except TimeoutError:
            continue
        server.sendto(names.answer(question), sender)


def resolver(port: int) -> str:
    """What an Envoy's bootstrap says to ask this server instead of the machine's."""
    return f"""
typed_dns_resolver_config:
  name: envoy.network.dns_resolver.cares
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
    resolvers: [{{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}]
"""
