"""Clients that send too much before the body, or too slowly, straight at a host: Kestrel's limits hold."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import pytest

from funchost.http import connection
from funchost.server import HttpServer, bind_socket

HEAD = b"POST /thing HTTP/1.1\r\nhost: x\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the number of bytes that it was sent."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server waits less long for the next piece."""
    monkeypatch.setattr(connection, "HEADERS_WITHIN_S", 0.3)
    monkeypatch.setattr(connection, "BODY_GRACE_S", 0.3)
    monkeypatch.setattr(connection, "_CHECK_EVERY_S", 0.1)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    listener = bind_socket("127.0.0.1", 0)
    server = HttpServer(app, grace_s=1)
    await server.run_on(listener)
    yield listener.getsockname()[1]
    await server.stop()


async def sent(port: int, *pieces: bytes, pause_s: float = 0.0) -> tuple[bytes, int]:
    """The first answer to these pieces, and how many are left: after it none is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer, unsent = asyncio.create_task(reader.read(4096)), list(pieces)
    try:
        while unsent and not answer.done():
            writer.write(unsent.pop(0))
            await asyncio.wait({answer}, timeout=pause_s)
        return await asyncio.wait_for(answer, 60), len(unsent)
    finally:
        answer.cancel()
        writer.close()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.usefixtures("hurried")
async def test_headers_that_do_not_come_are_given_up_on(port: int) -> None:
    began = monotonic()
    answer, _ = await sent(port, HEAD)
    assert status(answer) == 408
    assert monotonic() - began > 0.25


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "pieces",
    [[HEAD, *[b"x-more: 1\r\n"] * 100], [HEAD + b"content-length: 1000\r\n\r\n", *[b"a"] * 100]],
    ids=["headers", "a body"],
)
async def test_what_comes_slowly_is_given_up_on_though_it_comes(port: int, pieces: list[bytes]) -> None:
    began = monotonic()
    answer, unsent = await sent(port, *pieces, pause_s=0.05)
    assert status(answer) == 408
    assert monotonic() - began > 0.25
    assert unsent > 0, "a further piece buys time"


@pytest.mark.usefixtures("hurried")
async def test_a_body_in_pieces_that_comes_fast_enough_is_taken(port: int) -> None:
    pieces, began = [b"a" * 10_000] * 20, monotonic()
    answer, _ = await sent(port, HEAD + b"content-length: 200000\r\n\r\n", *pieces, pause_s=0.05)
    assert (status(answer), answer.rpartition(b"\r\n")[2]) == (200, b"200000")
    assert monotonic() - began > 0.9


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (HEAD + b"x-large: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (HEAD + b"".join(b"x-%d: " % n + b"a" * 900 + b"\r\n" for n in range(60)) + b"\r\n", 431),
        (HEAD + b"x-endless: " + b"a" * 200_000, 431),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
        (b"GET /" + b"a" * 200_000, 431),
        (HEAD + b"x-fits: " + b"a" * 30_000 + b"\r\ncontent-length: 0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nhost : x\r\n\r\n", 400),
    ],
)
async def test_a_head_that_is_too_large_is_refused(port: int, head: bytes, expected: int) -> None:
    answer, _ = await sent(port, head)
    assert status(answer) == expected


async def test_slow_clients_keep_nobody_waiting(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEADERS_WITHIN_S", 3.0)
    slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
    for _, writer in slow:
        writer.write(HEAD)
    given_up_on = [asyncio.create_task(reader.read(4096)) for reader, _ in slow]
    answer, _ = await sent(port, HEAD + b"content-length: 0\r\n\r\n")
    assert status(answer) == 200
    assert not any(task.done() for task in given_up_on)
    assert {status(answer) for answer in await asyncio.gather(*given_up_on)} == {408}
    for _, writer in slow:
        writer.close()


@pytest.mark.usefixtures("hurried")
async def test_a_connection_goes_on_after_a_request(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(HEAD + b"content-length: 3\r\n\r\nabc")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(1) == b"3"
        await asyncio.sleep(0.4)  # longer than a head may take: between requests nothing is due
    writer.close()
