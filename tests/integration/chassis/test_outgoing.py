"""Requests to addresses that a tenant chose, against a real server on this machine."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
from aiohttp import web

from chassis.outgoing.addresses import Guard
from chassis.outgoing.client import OutgoingClient, OutgoingError, OutgoingRequest

LOOPBACK = Guard(networks=(ip_network("127.0.0.0/8"),))


class Server:
    """Echoes; keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        match request.path:
            case "/elsewhere":
                return web.Response(status=302, headers={"location": request.query["to"]})
            case "/round":
                return web.Response(status=307, headers={"location": "/round"})
            case "/slow":
                await asyncio.sleep(60)
            case "/large":
                return web.Response(body=b"x" * 5000)
            case "/bomb":
                packed = gzip.compress(b"\0" * 50_000_000)
                return web.Response(body=packed, headers={"content-encoding": "gzip"})
        return web.json_response({"method": request.method, "headers": dict(request.headers), "path": request.path_qs})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[OutgoingClient]:
    client = OutgoingClient(LOOPBACK)
    yield client
    await client.close()


async def send(
    client: OutgoingClient, url: str, redirects: int = 0, timeout_s: float = 30.0, **members: object
) -> object:
    request = OutgoingRequest(**{"method": "GET", "url": url, **members})  # type: ignore[arg-type]
    return await client.send(request, timeout_s=timeout_s, max_bytes=1000, redirects=redirects)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"])
async def test_without_leave_nothing_on_this_machine_is_called_however_it_is_written(server: Server, host: str) -> None:
    strict = OutgoingClient(Guard())
    with pytest.raises(OutgoingError) as refused:
        await send(strict, server.url.replace("127.0.0.1", host))
    await strict.close()
    assert refused.value.reason in {"refused", "unreachable"}  # aiohttp itself takes no host of digits alone
    assert server.requests == []


async def test_a_redirect_is_checked_like_the_first_url(server: Server, client: OutgoingClient) -> None:
    with pytest.raises(OutgoingError) as refused:
        await send(client, f"{server.url}/elsewhere?to=http://169.254.169.254/latest/meta-data", redirects=5)
    assert refused.value.reason == "refused"


async def test_only_harmless_headers_follow_a_redirect_to_another_origin(
    server: Server, client: OutgoingClient
) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    headers = {"authorization": "Basic eA==", "x-api-key": "k", "accept": "text/plain"}
    await send(client, f"{server.url}/elsewhere?to={other}/there", redirects=5, headers=headers)
    there = server.requests[-1]
    assert there.path == "/there"
    assert "authorization" not in there.headers
    assert "x-api-key" not in there.headers
    assert there.headers["accept"] == "text/plain"
    await send(client, f"{server.url}/elsewhere?to=/here", redirects=5, headers=headers)
    assert server.requests[-1].headers["authorization"] == "Basic eA=="


async def test_a_post_that_is_sent_elsewhere_becomes_a_get_without_its_body(
    server: Server, client: OutgoingClient
) -> None:
    headers = {"content-type": "application/json"}
    await send(client, f"{server.url}/elsewhere?to=/x", redirects=1, method="POST", body=b"{}", headers=headers)
    assert (server.requests[-1].method, server.requests[-1].headers.get("content-type")) == ("GET", None)


async def test_redirects_end(server: Server, client: OutgoingClient) -> None:
    answer = await send(client, f"{server.url}/round", redirects=3)
    assert answer.status == 307  # type: ignore[attr-defined]
    assert len(server.requests) == 4


@pytest.mark.parametrize("path", ["large", "bomb"])
async def test_no_more_is_read_than_allowed(server: Server, client: OutgoingClient, path: str) -> None:
    with pytest.raises(OutgoingError) as refused:
        await send(client, f"{server.url}/{path}")
    assert refused.value.reason == "too-large"


async def test_a_slow_answer_is_not_waited_for(server: Server, client: OutgoingClient) -> None:
    with pytest.raises(OutgoingError) as refused:
        await send(client, f"{server.url}/slow", timeout_s=0.2)
    assert refused.value.reason == "timeout"


async def test_a_host_that_the_operator_maps_is_called_at_its_other_address(server: Server) -> None:
    mapped = OutgoingClient(Guard(), {"petstore.example": server.url})
    await send(mapped, "https://petstore.example/v2/pet/1?a=b%2Fc")
    with pytest.raises(OutgoingError):
        await send(mapped, server.url)
    await mapped.close()
    assert server.requests[0].path_qs == "/v2/pet/1?a=b%2Fc"
    assert server.requests[0].headers["host"] == "petstore.example"
    assert len(server.requests) == 1


async def test_no_proxy_of_the_environment_is_used(
    server: Server, client: OutgoingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert (await send(client, server.url)).status == 200  # type: ignore[attr-defined]
