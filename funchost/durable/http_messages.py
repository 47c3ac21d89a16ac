"""HTTP requests and responses of the management API, off and on ASGI."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# An input or event larger than this belongs into a blob; the limit keeps a request from filling the memory.
MAX_BODY_BYTES = 16 * 1024 * 1024


class BadRequest(Exception):
    """The request can't be understood; `status` says how."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `path` is relative to where the API is mounted, `segments` its decoded parts."""

    method: str
    segments: list[str]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    url: str

    def flag(self, name: str, default: bool) -> bool:
        """A boolean of the query; anything but true or false is the default."""
        return {"true": True, "false": False}.get(self.query.get(name.lower(), "").lower(), default)

    def time(self, name: str) -> datetime | None:
        """A time of the query; None when it is missing. Raises BadRequest."""
        text = self.query.get(name.lower())
        if not text:
            return None
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            raise BadRequest(f"'{name}' is not a time: {text}") from None
        return when if when.tzinfo else when.replace(tzinfo=UTC)

    def json_text(self) -> str | None:
        """The body, checked to be JSON; None when it is empty. Raises BadRequest."""
        if not self.body:
            return None
        try:
            text = self.body.decode()
            json.loads(text)
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as problem:
            raise BadRequest(f"Invalid JSON content: {problem}") from None
        return text


@dataclass(frozen=True, slots=True)
class Response:
    """A response; a body of None is empty."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, send: Send) -> None:
        """Write it."""
        content = b"" if self.body is None else json.dumps(self.body).encode()
        headers = {
            "content-type": "application/json; charset=utf-8",
            **self.headers,
            "content-length": str(len(content)),
        }
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})
        await send({"type": "http.response.body", "body": content})


async def read_request(scope: Scope, receive: Receive, mount: str) -> Request:
    """Read a whole request. Raises BadRequest for a body that is too large."""
    path = scope.get("raw_path") or scope["path"].encode()
    text = path.decode("latin-1").split("?")[0]
    _, found, rest = text.partition(mount)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope.get("query_string", b"").decode("latin-1")
    values = {name.lower(): ",".join(each) for name, each in parse_qs(query, keep_blank_values=True).items()}
    relative = rest if found else text
    segments = [unquote(part) for part in relative.strip("/").split("/") if part]
    host = headers.get("host", "127.0.0.1")
    url = f"{scope.get('scheme', 'http')}://{host}{text}" + (f"?{query}" if query else "")
    return Request(scope["method"], segments, values, headers, await _body(receive), url)


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise BadRequest(f"The body is larger than {MAX_BODY_BYTES} bytes.", 413)
        if not message.get("more_body", False):
            return bytes(body)
