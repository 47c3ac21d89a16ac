"""ASGI responses from what an HTTP function returns."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from azure.functions import HttpResponse

from funchost.errors import InvocationError

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})
_NO_BODY = frozenset({204, 304})
_TEXT_PLAIN = (b"content-type", b"text/plain; charset=utf-8")


def encode_response(value: Any) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a function's result: an HttpResponse or a str.

    Follows azure-functions' HttpResponseConverter, but keeps every repeated header and not only Set-Cookie.
    Raises InvocationError for any other value, None included, as the Python worker does.
    """
    if isinstance(value, HttpResponse):
        return value.status_code, _headers(value), value.get_body() or b""
    if isinstance(value, str):
        return 200, [_TEXT_PLAIN], value.encode()
    raise InvocationError(f"an HTTP function must return an HttpResponse or a str, not {type(value).__name__}")


def _headers(response: HttpResponse) -> Headers:
    headers: Headers = []
    has_content_type = False
    pairs: Iterable[tuple[str, str]] = response.headers.items()
    for name, value in pairs:
        lower = name.lower()
        if lower not in _HOP_BY_HOP and (value or lower != "set-cookie"):  # the official host drops an empty cookie
            headers.append((lower.encode("latin-1"), str(value).encode("latin-1")))
            has_content_type = has_content_type or lower == "content-type"
    if not has_content_type:
        mimetype: str = response.mimetype
        full = f"{mimetype}; charset={response.charset}" if mimetype.startswith("text/") else mimetype
        headers.append((b"content-type", full.encode("latin-1")))
    return headers


async def send_response(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send the response with its content length."""
    if status not in _NO_BODY and status >= 200:
        headers.append((b"content-length", str(len(body)).encode()))
    else:
        body = b""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_status(send: Send, status: int) -> None:
    """An empty response, as the host gives for its own 401, 404, 413 and 500."""
    await send_response(send, status, [], b"")


async def send_content(send: Send, body: bytes, content_type: str, status: int = 200) -> None:
    """A response of the host itself."""
    await send_response(send, status, [(b"content-type", content_type.encode())], body)
