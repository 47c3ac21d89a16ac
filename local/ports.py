"""Ports of this machine: the default one where it is free, else the next free one."""

import secrets
import socket
from collections.abc import Iterable, Mapping

LOOPBACK = "127.0.0.1"
QUIET_PORTS = range(15_000, 32_000)
"""Below the range that Linux takes for outgoing connections: a port from there may be gone before its server starts."""


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
        return True


def choose(defaults: Mapping[str, int]) -> dict[str, int]:
    """One free port per name, all different: the default, or the next free one above it; 0 asks for any.

    Raises OSError when nothing is free up to 65535."""
    chosen: dict[str, int] = {}
    for name, default in defaults.items():
        taken = set(chosen.values()) | {port for other, port in defaults.items() if other != name}
        chosen[name] = _next_free(default, taken) if default else _any_free(taken)
    return chosen


def any_free(count: int) -> list[int]:
    """That many different free ports, anywhere."""
    return list(choose({str(n): 0 for n in range(count)}).values())


def _next_free(start: int, taken: Iterable[int]) -> int:
    unwanted = set(taken)
    for port in range(start, 65536):
        if port not in unwanted and is_free(port):
            return port
    raise OSError(f"no port is free from {start} on")


def _any_free(taken: Iterable[int]) -> int:
    unwanted = set(taken)
    while True:
        port = secrets.choice(QUIET_PORTS)
        if port not in unwanted and is_free(port):
            return port
