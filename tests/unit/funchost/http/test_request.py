from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.http.request import BodyTooLarge, ClientGone, build_request, read_body, read_headers, read_query

_SCOPE = {"method": "GET", "scheme": "http", "path": "/a b", "raw_path": b"/a%20b", "query_string": b"", "headers": []}


def _receive(*chunks: bytes) -> Callable[[], Coroutine[Any, Any, dict[str, Any]]]:
    messages = [
        {"type": "http.request", "body": chunk, "more_body": i < len(chunks) - 1} for i, chunk in enumerate(chunks)
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return receive


def test_repeated_headers_are_joined_and_cookies_with_semicolons() -> None:
    headers = [(b"x-a", b"1"), (b"x-a", b"2"), (b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x-l", b"\xe9")]
    assert read_headers({"headers": headers}) == {"x-a": "1,2", "cookie": "a=1; b=2", "x-l": "é"}


def test_query_parameters_are_decoded_and_repeated_ones_joined() -> None:
    assert read_query({"query_string": b"a=1&a=2&b=x%20y&c="}) == {"a": "1,2", "b": "x y", "c": ""}


@given(st.lists(st.binary(), min_size=1))
async def test_a_body_in_pieces_is_put_together(chunks: list[bytes]) -> None:
    assert await read_body(_receive(*chunks), 1_000_000) == b"".join(chunks)


@pytest.mark.parametrize("chunks", [(b"12345",), (b"123", b"45"), (b"123", b"45", b"6")])
async def test_a_body_over_the_limit_is_refused(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises(BodyTooLarge):
        await read_body(_receive(*chunks), 4)


async def test_a_body_of_just_the_limit_is_taken() -> None:
    assert await read_body(_receive(b"12", b"34"), 4) == b"1234"


async def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    messages = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    with pytest.raises(ClientGone):
        await read_body(receive, 1000)


def test_the_request_has_the_url_as_it_was_sent_and_the_bytes_of_the_body() -> None:
    scope = {**_SCOPE, "query_string": b"x=%2F"}
    request = build_request(scope, {"host": "h:1", "X-A": "1"}, {"x": "/"}, {"id": "7"}, b"\xff\x00")
    assert request.url == "http://h:1/a%20b?x=%2F"
    assert (request.method, request.headers["x-a"], request.params["x"]) == ("GET", "1", "/")
    assert (request.route_params["id"], request.get_body()) == ("7", b"\xff\x00")


def test_a_json_body_can_be_read() -> None:
    assert build_request(_SCOPE, {}, {}, {}, b'{"a": 1}').get_json() == {"a": 1}
