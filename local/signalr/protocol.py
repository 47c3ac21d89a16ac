"""The SignalR hub protocol in JSON: records end with U+001E, the first one is the handshake.

https://github.com/dotnet/aspnetcore/blob/main/src/SignalR/docs/specs/HubProtocol.md
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import orjson

SEPARATOR = "\x1e"
_END = SEPARATOR.encode()


class MessageType(IntEnum):
    """The kinds of records after the handshake."""

    INVOCATION = 1
    STREAM_ITEM = 2
    COMPLETION = 3
    STREAM_INVOCATION = 4
    CANCEL_INVOCATION = 5
    PING = 6
    CLOSE = 7


class ProtocolError(ValueError):
    """The other side does not speak the protocol."""


def encode(record: dict[str, Any]) -> bytes:
    """One record with its separator, in UTF-8."""
    return orjson.dumps(record) + _END


def decode(text: str) -> list[dict[str, Any]]:
    """The records of one WebSocket message. Raises ProtocolError when one is cut off, not JSON or no object."""
    *parts, rest = text.split(SEPARATOR)
    if rest or not parts:
        raise ProtocolError("a record does not end with U+001E")
    records = []
    for part in parts:
        try:
            record = orjson.loads(part)
        except orjson.JSONDecodeError as error:
            raise ProtocolError(f"a record is not JSON: {error}") from None
        if not isinstance(record, dict):
            raise ProtocolError("a record is not an object")
        records.append(record)
    return records


def invocation(target: str, arguments: Sequence[Any]) -> bytes:
    """A call of the client's method, without an answer."""
    return encode({"type": MessageType.INVOCATION, "target": target, "arguments": list(arguments)})


def completion_error(invocation_id: str, error: str) -> bytes:
    """The answer to a client's call that fails."""
    return encode({"type": MessageType.COMPLETION, "invocationId": invocation_id, "error": error})


def close(error: str | None = None) -> bytes:
    """The last record of a connection."""
    record: dict[str, Any] = {"type": MessageType.CLOSE}
    return encode(record if error is None else {**record, "error": error})


def handshake(record: dict[str, Any]) -> bytes:
    """The answer to a client's handshake. Raises ProtocolError with what the client is told."""
    if record.get("protocol") != "json":
        raise ProtocolError(f"the protocol {str(record.get('protocol'))[:40]!r} is not supported")
    if record.get("version") not in (1, 2):
        raise ProtocolError("the protocol's version is not supported")
    return HANDSHAKE_DONE


PING = encode({"type": MessageType.PING})
HANDSHAKE_DONE = encode({})
HANDSHAKE = encode({"protocol": "json", "version": 1})


def text_frame(payload: bytes) -> bytes:
    """A whole WebSocket text frame from the server (RFC 6455, 5.2), so that a broadcast is framed once."""
    size = len(payload)
    if size < 126:
        head = bytes((0x81, size))
    elif size < 65536:
        head = b"\x81\x7e" + size.to_bytes(2, "big")
    else:
        head = b"\x81\x7f" + size.to_bytes(8, "big")
    return head + payload
