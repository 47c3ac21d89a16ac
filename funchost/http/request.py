"""func.HttpRequest from an ASGI request."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from azure.functions.http import HttpRequest

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class BodyTooLarge(Exception):
    """The request body exceeds the limit."""


class ClientGone(Exception):
    """The client went away before its body had arrived whole."""


def read_headers(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name; repeated ones are joined with a comma, as the official host does."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}{'; ' if name == 'cookie' else ','}{value}" if name in headers else value
    return headers


def read_query(scope: Scope) -> dict[str, str]:
    """Query parameters; repeated ones are joined with a comma, as the official host does."""
    if not scope["query_string"]:
        return {}
    query: dict[str, str] = {}
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


async def read_body(receive: Receive, limit_bytes: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as it is longer than the limit, ClientGone when it breaks off."""
    body, more = await _read_chunk(receive)
    if more:
        chunks, size = [body], len(body)
        while more:
            _check_size(size, limit_bytes)
            chunk, more = await _read_chunk(receive)
            chunks.append(chunk)
            size += len(chunk)
        body = b"".join(chunks)
    _check_size(len(body), limit_bytes)
    return body


async def _read_chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


def _check_size(size: int, limit_bytes: int) -> None:
    if size > limit_bytes:
        raise BodyTooLarge


def build_request(
    scope: Scope, headers: Mapping[str, str], query: Mapping[str, str], route: Mapping[str, str], body: bytes
) -> HttpRequest:
    """The request, built as azure-functions' HttpRequestConverter builds it, without the datums in between."""
    raw_path = scope.get("raw_path") or scope["path"].encode()
    target = raw_path.decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    return HttpRequest(
        method=scope["method"],
        url=f"{scope['scheme']}://{headers.get('host', 'localhost')}{target}",
        headers=headers,
        params=query,
        route_params=route,
        body_type="bytes",
        body=body,
    )
