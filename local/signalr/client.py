"""A small SignalR client: JSON hub protocol over a WebSocket, for the demo and the tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from yarl import URL

from local.signalr import protocol
from local.signalr.protocol import MessageType, ProtocolError

PING_EVERY_S = 15.0
SERVER_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Invocation:
    """A call of a client method: its name and arguments."""

    target: str
    arguments: tuple[Any, ...]


class HubConnection:
    """One connection to a hub, as an async context manager; iterate over it for what the hub sends.

    The iteration ends when the connection does."""

    def __init__(self, url: str, access_token: str) -> None:
        self._url = URL(url)
        self._headers = {"Authorization": f"Bearer {access_token}"}
        self._session: aiohttp.ClientSession | None = None
        self._pings: asyncio.Task[None] | None = None
        self.connection_id = ""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        try:
            await self._connect(self._session)
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._pings is not None:
            self._pings.cancel()
            await asyncio.gather(self._pings, return_exceptions=True)
        await self._socket.close()
        if self._session is not None:
            await self._session.close()

    def __aiter__(self) -> AsyncIterator[Invocation]:
        return self._invocations()

    async def _connect(self, session: aiohttp.ClientSession) -> None:
        negotiate = self._url.with_path("/client/negotiate", keep_query=True).update_query(negotiateVersion="1")
        async with session.post(negotiate) as answer:
            answer.raise_for_status()
            agreed = await answer.json()
        self.connection_id = agreed["connectionId"]
        address = self._url.with_path("/client/").with_query({**self._url.query, "id": agreed["connectionToken"]})
        timeout = aiohttp.ClientWSTimeout(ws_receive=SERVER_TIMEOUT_S)
        self._socket = await session.ws_connect(address, timeout=timeout, max_msg_size=0)
        await self._socket.send_str(protocol.HANDSHAKE.decode())
        text = await self._socket.receive_str(timeout=SERVER_TIMEOUT_S)
        first, *early = protocol.decode(text)
        if "error" in first:
            raise ProtocolError(str(first["error"]))
        self._early = early
        self._pings = asyncio.create_task(self._ping())

    async def _ping(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await asyncio.sleep(PING_EVERY_S)
                await self._socket.send_str(protocol.PING.decode())

    async def _invocations(self) -> AsyncIterator[Invocation]:
        records = self._early
        while True:
            for record in records:
                if record.get("type") == MessageType.INVOCATION:
                    yield Invocation(record["target"], tuple(record.get("arguments", ())))
                if record.get("type") == MessageType.CLOSE:
                    return
            try:
                message = await self._socket.receive()
            except TimeoutError:
                return
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                return
            records = protocol.decode(message.data if isinstance(message.data, str) else message.data.decode())


async def stay_connected(
    negotiate: Callable[[], Awaitable[tuple[str, str]]], most_wait_s: float = 5
) -> AsyncIterator[Invocation]:
    """Everything a hub sends, for ever: connects again, with a fresh (URL, access token), when a connection ends."""
    wait_s = 0.2
    while True:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with HubConnection(*await negotiate()) as connection:
                wait_s = 0.2
                async for invocation in connection:
                    yield invocation
        await asyncio.sleep(wait_s)
        wait_s = min(most_wait_s, wait_s * 2)
