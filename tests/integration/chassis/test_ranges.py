"""Ranges of blobs come whole or not at all, whatever the connection does."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from chassis.errors import DependencyUnavailable
from chassis.storage import ranges
from chassis.storage.ranges import RangeReader
from chassis.storage.rows import RowChanged

WHOLE = b"HTTP/1.1 206 Partial Content\r\ncontent-length: 5\r\n\r\nhello"


@contextmanager
def storage(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers each request with the next bytes and closes; its URL, and the requests that came."""
    asked: list[bytes] = []
    waiting = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(waiting.pop(0))
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/a/c/b?sig=s", asked
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


def refused(status: int) -> bytes:
    return b"HTTP/1.1 %d No\r\ncontent-length: 0\r\n\r\n" % status


def test_a_range_is_asked_for_by_its_bytes_and_the_version_wanted() -> None:
    with storage(WHOLE) as (url, asked):
        assert RangeReader().read(url, 10, 5, '"0x1"') == b"hello"
    assert asked[0].startswith(b"GET /a/c/b?sig=s HTTP/1.1\r\n")
    assert b"Range: bytes=10-14\r\n" in asked[0]
    assert b'If-Match: "0x1"\r\n' in asked[0]


def test_a_kept_connection_that_storage_has_closed_is_replaced() -> None:
    with storage(WHOLE, WHOLE) as (url, asked):
        reader = RangeReader()
        assert [reader.read(url, 0, 5), reader.read(url, 0, 5)] == [b"hello", b"hello"]
    assert len(asked) == 2


def test_an_answer_that_breaks_off_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "BACKOFF_S", 0)
    with storage(WHOLE[:-2], refused(503), WHOLE) as (url, asked):
        assert RangeReader().read(url, 0, 5) == b"hello"
    assert len(asked) == 3


def test_what_stays_wrong_is_a_dependency_that_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "BACKOFF_S", 0)
    with storage(refused(503), refused(503), refused(503)) as (url, _), pytest.raises(DependencyUnavailable):
        RangeReader().read(url, 0, 5)
    with storage(refused(403)) as (url, asked), pytest.raises(DependencyUnavailable, match="403"):
        RangeReader().read(url, 0, 5)
    assert len(asked) == 1
    with pytest.raises(DependencyUnavailable, match="reached"):
        RangeReader().read("http://127.0.0.1:9/a", 0, 5)


def test_no_blob_another_blob_and_the_end_of_a_blob_are_told_apart() -> None:
    with storage(refused(404), refused(412), refused(416)) as (url, _):
        reader = RangeReader()
        assert reader.read(url, 0, 5) is None
        with pytest.raises(RowChanged):
            reader.read(url, 0, 5)
        assert reader.read(url, 9, 5) == b""
