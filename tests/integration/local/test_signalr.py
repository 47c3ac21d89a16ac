"""The SignalR stand-in with real connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from local.signalr import protocol
from local.signalr.access import Access
from local.signalr.client import HubConnection, Invocation, stay_connected
from local.signalr.server import ENDPOINT, create_app

KEY = "a-key-for-these-tests-only-0123456789abcdef"
HUB = "/api/v1/hubs/platform"
NEW = "/api/hubs/platform"
PATIENCE_S = 60.0


@dataclass
class Server:
    """A running stand-in and what talks to it."""

    url: str
    access: Access
    session: aiohttp.ClientSession
    app: web.Application

    def client(self, user: str | None, hub: str = "platform") -> HubConnection:
        """A connection of this user."""
        url = f"{self.url}/client/?hub={hub}"
        return HubConnection(url, self.access.sign(url, user_id=user))

    async def call(self, method: str, path: str, message: Any = None, token: str | None = None) -> int:
        """One REST call; gives its status."""
        url = f"{self.url}{path}"
        headers = {"Authorization": f"Bearer {token or self.access.sign(url.partition('?')[0])}"}
        async with self.session.request(method, url, json=message, headers=headers) as answer:
            return answer.status

    async def until_connected(self, count: int, hub: str = "platform") -> None:
        """Wait until the hub has that many connections."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.app[ENDPOINT].hubs[hub].connections) != count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    app = create_app(KEY)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with aiohttp.ClientSession() as session:
        yield Server(f"http://127.0.0.1:{runner.addresses[0][1]}", Access(KEY), session, app)
    await runner.cleanup()


async def _next(connection: HubConnection) -> Invocation:
    async with asyncio.timeout(PATIENCE_S):
        return await anext(aiter(connection))


@pytest.mark.parametrize("path", [f"{HUB}/users/ada", f"{NEW}/users/ada/:send?api-version=2022-06-01"])
async def test_a_users_messages_reach_each_of_their_connections_and_nobody_else(server: Server, path: str) -> None:
    async with server.client("ada") as first, server.client("ada") as second, server.client("bob") as other:
        await server.until_connected(3)
        assert await server.call("POST", path, {"target": "progress", "arguments": [{"done": 1}]}) == 202
        expected = Invocation("progress", ({"done": 1},))
        assert await _next(first) == expected
        assert await _next(second) == expected
        await server.call("POST", HUB, {"target": "all", "arguments": []})
        assert await _next(other) == Invocation("all", ())


@pytest.mark.parametrize("path", [HUB, f"{NEW}/:send?api-version=2022-06-01"])
async def test_a_broadcast_reaches_the_hub_and_no_other_hub(server: Server, path: str) -> None:
    async with server.client("ada") as one, server.client(None) as two, server.client("ada", "other") as elsewhere:
        await server.until_connected(2)
        await server.until_connected(1, "other")
        await server.call("POST", path, {"target": "hello", "arguments": [1, "two"]})
        assert await _next(one) == await _next(two) == Invocation("hello", (1, "two"))
        await server.call("POST", "/api/v1/hubs/other", {"target": "own", "arguments": []})
        assert (await _next(elsewhere)).target == "own"


@pytest.mark.parametrize(
    ("membership", "message"),
    [
        (f"{HUB}/groups/team/users/ada", f"{HUB}/groups/team"),
        (f"{NEW}/users/ada/groups/team", f"{NEW}/groups/team/:send"),
    ],
)
async def test_a_group_is_joined_and_left(server: Server, membership: str, message: str) -> None:
    async with server.client("ada") as connection:
        await server.until_connected(1)
        assert await server.call("PUT", membership) == 200
        await server.call("POST", message, {"target": "in", "arguments": []})
        assert await server.call("DELETE", membership) == 200
        await server.call("POST", message, {"target": "out", "arguments": []})
        await server.call("POST", HUB, {"target": "all", "arguments": []})
        assert (await _next(connection)).target == "in"
        assert (await _next(connection)).target == "all"


async def test_a_call_without_a_good_token_is_refused_and_reaches_nobody(server: Server) -> None:
    message = {"target": "forged", "arguments": []}
    async with server.client("ada") as connection:
        await server.until_connected(1)
        assert await server.call("POST", HUB, message, token="nonsense") == 401
        assert await server.call("POST", HUB, message, token=server.access.sign(f"{server.url}{HUB}/users/ada")) == 401
        await server.call("POST", HUB, {"target": "true", "arguments": []})
        assert (await _next(connection)).target == "true"


@pytest.mark.parametrize("message", [None, [], {}, {"target": ""}, {"target": 1}, {"target": "a", "arguments": "b"}])
async def test_a_malformed_message_is_refused(server: Server, message: Any) -> None:
    assert await server.call("POST", HUB, message) == 400


async def test_a_client_without_a_good_token_is_not_let_in(server: Server) -> None:
    url = f"{server.url}/client/?hub=platform"
    with pytest.raises(aiohttp.ClientResponseError, match="401"):
        async with HubConnection(url, server.access.sign(f"{server.url}/client/?hub=other", user_id="ada")):
            pass


async def test_a_browser_puts_its_token_into_the_query(server: Server) -> None:
    url = f"{server.url}/client/?hub=platform"
    token = server.access.sign(url, user_id="ada")
    async with server.session.ws_connect(f"{url}&access_token={token}") as socket:
        await socket.send_str('{"protocol":"json","version":1}\x1e')
        assert await socket.receive_str() == "{}\x1e"


async def test_another_protocol_is_refused_in_the_handshake(server: Server) -> None:
    url = f"{server.url}/client/?hub=platform"
    headers = {"Authorization": f"Bearer {server.access.sign(url)}"}
    async with server.session.ws_connect(url, headers=headers) as socket:
        await socket.send_str('{"protocol":"messagepack","version":1}\x1e')
        message = await socket.receive()
        assert "not supported" in (message.data if isinstance(message.data, str) else message.data.decode())
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING)


async def test_a_silent_client_is_dropped_and_a_live_one_is_pinged(server: Server) -> None:
    url = f"{server.url}/client/?hub=platform"
    headers = {"Authorization": f"Bearer {server.access.sign(url)}"}
    async with AsyncExitStack() as stack:
        silent = await stack.enter_async_context(server.session.ws_connect(url, headers=headers))
        live = await stack.enter_async_context(server.session.ws_connect(url, headers=headers))
        for number, socket in enumerate((silent, live), start=1):
            await socket.send_str(protocol.HANDSHAKE.decode())
            await socket.receive_str()
            await server.until_connected(number)
        endpoint = server.app[ENDPOINT]
        first, second = endpoint.hubs["platform"].connections.values()
        first.heard = second.heard - 31
        endpoint.sweep(second.heard)
        assert await live.receive_str() == protocol.PING.decode()
        assert list(endpoint.hubs["platform"].connections.values()) == [second]


async def test_a_client_call_is_answered_that_no_upstream_is_set(server: Server) -> None:
    url = f"{server.url}/client/?hub=platform"
    headers = {"Authorization": f"Bearer {server.access.sign(url)}"}
    async with server.session.ws_connect(url, headers=headers) as socket:
        await socket.send_str(protocol.HANDSHAKE.decode())
        await socket.receive_str()
        await socket.send_str('{"type":1,"invocationId":"7","target":"x","arguments":[]}\x1e')
        (answer,) = protocol.decode(await socket.receive_str())
        assert (answer["type"], answer["invocationId"]) == (3, "7")
        assert "error" in answer


async def test_a_client_that_lost_its_connection_connects_again(server: Server) -> None:
    url = f"{server.url}/client/?hub=platform"

    async def negotiate() -> tuple[str, str]:
        return url, server.access.sign(url, user_id="ada")

    messages = stay_connected(negotiate)
    received = asyncio.ensure_future(anext(messages))
    await server.until_connected(1)
    (connection,) = server.app[ENDPOINT].hubs["platform"].connections.values()
    connection.transport.abort()
    await server.until_connected(0)
    await server.until_connected(1)
    await server.call("POST", f"{HUB}/users/ada", {"target": "back", "arguments": []})
    async with asyncio.timeout(PATIENCE_S):
        assert (await received).target == "back"
    await messages.aclose()  # type: ignore[attr-defined]
