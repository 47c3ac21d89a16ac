import asyncio
import base64
import json
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.integration.funchost.conftest import StartHost

SIGNALR = "Endpoint=http://127.0.0.1:{port};AccessKey=key;Version=1.0;"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_http_functions_answer_as_the_official_host_does(start_host: StartHost) -> None:
    host = start_host("web", AzureSignalRConnectionString=SIGNALR.format(port=1))
    url = host.ready()
    host_line = next(line for line in host.lines if "not_supported" in line)
    assert "eventHubTrigger" in host_line
    async with aiohttp.ClientSession(url) as http:

        async def status(path: str, method: str = "GET", **options: object) -> int:
            async with http.request(method, path, **options) as response:  # type: ignore[arg-type]
                return response.status

        async with http.get("/api/hello") as response:
            assert (response.status, await response.text()) == (200, "hello")
            assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        headers = [("X-Repeated", "1"), ("X-Repeated", "2"), ("traceparent", TRACEPARENT)]
        async with http.post("/api/items/7/left?x=1&x=2", data=b"\xff\x00", headers=headers) as response:
            value = await response.json()
            assert response.status == 201
            assert response.headers.getall("Set-Cookie") == ["a=1; Path=/; HttpOnly", "b=2"]
        assert value["route"] == {"id": "7", "part": "left"}
        assert value["params"] == {"x": "1,2"}
        assert value["header"] == "1,2"
        assert (value["method"], value["bytes"], value["function"]) == ("POST", 2, "describe")
        assert value["url"] == f"{url}/api/items/7/left?x=1&x=2"
        assert value["traceparent"] == TRACEPARENT
        host.wait_for(rf"\[{value['invocation']}\] describing")

        body = bytes(range(256)) * 4096
        async with http.post("/api/binary", data=body) as response:
            assert await response.read() == body

        assert (await status("/api/nowhere"), await status("/api/items/x", "POST")) == (404, 404)
        assert await status("/api/items/7", "GET") == 404  # the official host knows no 405
        assert await status("/api/nothing") == 500
        async with http.get("/api/broken") as response:
            assert (response.status, await response.read()) == (500, b"")
        assert "ValueError: the secret inside" in host.wait_for("Functions.broken.*").string

        async with http.get("/admin/functions") as response:
            assert "describe" in [f["name"] for f in await response.json()]


async def test_keys_guard_functions(start_host: StartHost) -> None:
    url = start_host("web", "--functions", "secret,hello", FUNCHOST_HOST_KEY="host-key").ready()
    async with aiohttp.ClientSession(url) as http:
        for path, headers, status in (
            ("/api/secret", {}, 401),
            ("/api/secret", {"x-functions-key": "wrong"}, 401),
            ("/api/secret", {"x-functions-key": "host-key"}, 200),
            ("/api/secret?code=host-key", {}, 200),
            ("/api/hello", {}, 200),
        ):
            async with http.get(path, headers=headers) as response:
                assert response.status == status


async def test_a_body_over_the_limit_is_413(start_host: StartHost) -> None:
    url = start_host("web", "--functions", "binary", FUNCTIONS_REQUEST_BODY_SIZE_LIMIT="1000").ready()
    async with aiohttp.ClientSession(url) as http:
        for size, status in ((1000, 200), (1001, 413)):
            async with http.post("/api/binary", data=b"x" * size) as response:
                assert response.status == status


async def test_signalr_bindings_speak_the_rest_protocol(start_host: StartHost) -> None:
    received: list[tuple[str, str, object, str]] = []

    async def record(request: web.Request) -> web.Response:
        authorization = request.headers["Authorization"].removeprefix("Bearer ")
        received.append((request.method, request.path, await request.json(), authorization))
        return web.Response(status=202)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", record)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    host = start_host("web", "--functions", "negotiate,push", AzureSignalRConnectionString=SIGNALR.format(port=port))
    url = host.ready()
    async with aiohttp.ClientSession(url) as http:
        async with http.post("/api/negotiate", headers={"x-user": "ada"}) as response:
            info = await response.json()
        assert info["url"] == f"http://127.0.0.1:{port}/client/?hub=platform"
        assert _claims(info["accessToken"])["asrs.s.uid"] == "ada"
        async with http.post("/api/negotiate") as response:
            assert response.status == 500  # the user's header is missing
        async with http.post("/api/push?user=ada") as response:
            assert response.status == 200
    (method, path, body, token) = received[0]
    assert (method, path) == ("POST", "/api/v1/hubs/platform/users/ada")
    assert body == {"target": "progress", "arguments": [{"done": 1}]}
    assert _claims(token)["aud"] == f"http://127.0.0.1:{port}/api/v1/hubs/platform/users/ada"
    await runner.cleanup()


def _claims(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


async def test_sigterm_lets_requests_finish_refuses_new_ones_and_exits_0(start_host: StartHost, tmp_path: Path) -> None:
    host = start_host("web", "--functions", "slow,hello")
    async with aiohttp.ClientSession(host.ready()) as http:

        async def get(path: str) -> tuple[int, str]:
            async with http.get(path) as response:
                return response.status, await response.text()

        released = tmp_path / "released"
        slow = asyncio.create_task(get(f"/api/slow?until={released}"))
        await asyncio.to_thread(host.wait_for, "slow began")
        host.process.terminate()
        await asyncio.to_thread(host.wait_for, "Draining")
        assert await get("/api/hello") == (503, "")
        assert await get("/runtime/health/ready") == (503, "")
        released.touch()
        assert await slow == (200, "done")
    assert await asyncio.to_thread(host.process.wait, 60) == 0
