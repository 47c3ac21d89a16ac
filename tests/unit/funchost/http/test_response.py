from typing import Any

import azure.functions as func
import pytest

from funchost.errors import InvocationError
from funchost.http.response import encode_response, send_response


async def _sent(status: int, body: bytes) -> tuple[dict[bytes, bytes], bytes]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    await send_response(send, status, [], body)
    return dict(messages[0]["headers"]), messages[1]["body"]


def test_a_str_is_plain_text() -> None:
    assert encode_response("né") == (200, [(b"content-type", b"text/plain; charset=utf-8")], "né".encode())


def test_text_types_get_their_charset_and_others_none() -> None:
    html = func.HttpResponse("x", mimetype="text/html", status_code=201)
    json = func.HttpResponse(b"{}", mimetype="application/json")
    assert encode_response(html) == (201, [(b"content-type", b"text/html; charset=utf-8")], b"x")
    assert encode_response(json)[1] == [(b"content-type", b"application/json")]


def test_a_content_type_header_wins() -> None:
    response = func.HttpResponse("x", headers={"Content-Type": "text/csv"}, mimetype="text/html")
    assert encode_response(response)[1] == [(b"content-type", b"text/csv")]


def test_repeated_headers_are_all_sent() -> None:
    response = func.HttpResponse()
    response.headers.add("Set-Cookie", "a=1; Path=/")
    response.headers.add("Set-Cookie", "b=2")
    assert [v for n, v in encode_response(response)[1] if n == b"set-cookie"] == [b"a=1; Path=/", b"b=2"]


def test_a_wrong_content_length_of_the_app_is_not_sent() -> None:
    response = func.HttpResponse("abc", headers={"Content-Length": "99"})
    assert b"content-length" not in dict(encode_response(response)[1])


@pytest.mark.parametrize("value", [None, 5, b"bytes", {"a": 1}])
def test_other_values_are_refused_as_by_the_worker(value: object) -> None:
    with pytest.raises(InvocationError, match=type(value).__name__):
        encode_response(value)


async def test_the_content_length_is_that_of_the_body() -> None:
    assert await _sent(200, b"abc") == ({b"content-length": b"3"}, b"abc")


async def test_no_content_means_no_body_and_no_length() -> None:
    assert await _sent(204, b"abc") == ({}, b"")


def test_an_empty_cookie_is_dropped() -> None:
    response = func.HttpResponse()
    response.headers.add("Set-Cookie", "")
    assert [n for n, _ in encode_response(response)[1]] == [b"content-type"]
