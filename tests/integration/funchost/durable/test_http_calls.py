"""The request of a durable HTTP call as a server sees it."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from funchost.durable.http_calls import HttpCall, send


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async def echo(request: web.Request) -> web.Response:
        headers = {"X-Type": request.headers.get("content-type", "none"), "X-Given": request.headers.get("x-given", "")}
        return web.Response(status=203, text=f"{request.method} {await request.text()}", headers=headers)

    async def elsewhere(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/echo")

    app = web.Application()
    app.router.add_route("*", "/echo", echo)
    app.router.add_get("/elsewhere", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_method_headers_and_content_are_sent_as_given(address: str) -> None:
    answer = await send(HttpCall("PUT", f"{address}/echo", '{"ü": 1}', {"x-given": "yes"}))
    assert (answer.status, answer.content) == (203, 'PUT {"ü": 1}')
    assert (answer.header("x-type"), answer.header("x-given")) == ("application/json", "yes")


async def test_a_content_type_that_was_given_stays(address: str) -> None:
    answer = await send(HttpCall("POST", f"{address}/echo", "a", {"Content-Type": "text/plain"}))
    assert answer.header("x-type") == "text/plain"


async def test_redirects_are_followed(address: str) -> None:
    assert (await send(HttpCall("GET", f"{address}/elsewhere", None, {}))).content == "GET "
