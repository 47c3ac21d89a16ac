"""The client side of the stand-in: negotiation and the WebSocket with its handshake and keep-alive."""

import asyncio
import contextlib
import secrets
import time
from collections import defaultdict

from aiohttp import WSMessage, WSMsgType, web

from local.signalr import protocol
from local.signalr.access import Access
from local.signalr.hub import Connection, Hub, send
from local.signalr.protocol import MessageType, ProtocolError

PING_EVERY_S = 15.0
CLIENT_TIMEOUT_S = 30.0
HANDSHAKE_TIMEOUT_S = 15.0
MAX_RECORD_BYTES = 65_536


class Endpoint:
    """All hubs and their clients. `ping_every_s` and `client_timeout_s` are the service's own defaults."""

    def __init__(
        self, access: Access, ping_every_s: float = PING_EVERY_S, client_timeout_s: float = CLIENT_TIMEOUT_S
    ) -> None:
        self.access = access
        self.hubs: defaultdict[str, Hub] = defaultdict(Hub)
        self._ping_every_s = ping_every_s
        self._client_timeout_s = client_timeout_s

    async def negotiate(self, request: web.Request) -> web.Response:
        """POST /client/negotiate?hub=…: a connection id and the one transport there is."""
        self.access.check(bearer(request), str(request.url.with_path("/client/", keep_query=True)))
        name = secrets.token_urlsafe(16)
        transport = {"transport": "WebSockets", "transferFormats": ["Text"]}
        return web.json_response(
            {"negotiateVersion": 1, "connectionId": name, "connectionToken": name, "availableTransports": [transport]}
        )

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """GET /client/?hub=…: the WebSocket of one client."""
        user_id = self.access.check(bearer(request), str(request.url.with_path("/client/", keep_query=True)))
        hub = self.hubs[request.query["hub"].lower()]
        socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_RECORD_BYTES)
        await socket.prepare(request)
        if not await _shake_hands(socket) or request.transport is None:
            return socket
        connection = Connection(_connection_id(request, hub), user_id, request.transport)
        hub.add(connection)
        try:
            await _listen(socket, connection)
        finally:
            hub.remove(connection)
        return socket

    async def keep_alive(self) -> None:
        """Ping every client and drop those not heard for too long; runs until it is cancelled."""
        while True:
            await asyncio.sleep(self._ping_every_s)
            self.sweep(time.monotonic())

    def sweep(self, now: float) -> None:
        """One round of the keep-alive."""
        for hub in self.hubs.values():
            silent = [c for c in hub.connections.values() if now - c.heard > self._client_timeout_s]
            send(silent, protocol.close("the client was silent for too long"))
            for connection in silent:
                connection.transport.abort()
                hub.remove(connection)
            send(hub.connections.values(), protocol.PING)


def bearer(request: web.Request) -> str | None:
    """The token of the Authorization header, or of the query, where a browser's WebSocket must put it."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.query.get("access_token")


def _connection_id(request: web.Request, hub: Hub) -> str:
    asked = request.query.get("id", "")
    return asked if asked and len(asked) <= 64 and asked not in hub.connections else secrets.token_urlsafe(16)


async def _shake_hands(socket: web.WebSocketResponse) -> bool:
    try:
        message = await socket.receive(HANDSHAKE_TIMEOUT_S)
        records = protocol.decode(_text(message))
        answer = protocol.handshake(records[0])
    except (ProtocolError, TimeoutError) as error:
        with contextlib.suppress(ConnectionError):
            await socket.send_bytes(protocol.encode({"error": str(error) or "no handshake in time"}))
        await socket.close()
        return False
    await socket.send_str(answer.decode())
    return True


async def _listen(socket: web.WebSocketResponse, connection: Connection) -> None:
    async for message in socket:
        connection.heard = time.monotonic()
        try:
            records = protocol.decode(_text(message))
        except ProtocolError as error:
            send([connection], protocol.close(str(error)))
            break
        for record in records:
            if record.get("type") == MessageType.CLOSE:
                await socket.close()
                return
            _answer(connection, record)


def _answer(connection: Connection, record: dict[str, object]) -> None:
    """In serverless mode a client's call goes to an upstream; there is none here, as in a fresh service."""
    name = record.get("invocationId")
    if record.get("type") in (MessageType.INVOCATION, MessageType.STREAM_INVOCATION) and isinstance(name, str):
        send([connection], protocol.completion_error(name, "no upstream is set for this hub"))


def _text(message: WSMessage) -> str:
    if message.type is WSMsgType.TEXT:
        return str(message.data)
    if message.type is WSMsgType.BINARY and isinstance(message.data, bytes):
        with contextlib.suppress(UnicodeDecodeError):
            return message.data.decode()
    raise ProtocolError("a text message was expected")
