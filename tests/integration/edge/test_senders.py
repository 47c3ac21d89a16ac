"""Clients that send slowly, or what is no HTTP: given up on, with a problem, and no service hears of them."""

import json
import socket
import time

import pytest

from tests.integration.edge.conftest import HEADER_TIMEOUT_S, REQUEST_TIMEOUT_S
from tests.integration.edge.edge import Edge
from tests.integration.edge.upstream import HOST

PATH = "/metadata/schemas/flight"
PATIENCE_S = 30.0


def exchanged(edge: Edge, *pieces: bytes, pause_s: float = PATIENCE_S) -> tuple[bytes, int]:
    """All that the edge answers until it closes, and how many pieces are left: after its answer none is sent."""
    received, unsent = b"", list(pieces)
    with socket.create_connection((HOST, edge.port), PATIENCE_S) as connection:
        while unsent:
            connection.sendall(unsent.pop(0))
            connection.settimeout(pause_s)
            try:
                received += connection.recv(65_536)
            except TimeoutError:
                continue
            break
        connection.settimeout(PATIENCE_S)
        while more := connection.recv(65_536):
            received += more
    return received, len(unsent)


def problem_of(answer: bytes) -> tuple[int, str]:
    """Status and type of an answer that must be a problem."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower(), answer
    problem = json.loads(body)
    assert head.split(b" ", 2)[1] == str(problem["status"]).encode()
    return problem["status"], problem["type"].removeprefix("urn:problem:gateway:")


def test_headers_that_come_slowly_are_given_up_on(edge: Edge) -> None:
    started = time.monotonic()
    head = [b"GET /metadata/health/live HTTP/1.1\r\nhost: edge\r\n", *[b"x-more: 1\r\n"] * 40]
    answer, unsent = exchanged(edge, *head, pause_s=0.2)
    assert problem_of(answer) == (408, "request-timeout")
    assert time.monotonic() - started >= HEADER_TIMEOUT_S
    assert unsent > 0, "a further header buys time"


def test_a_body_that_comes_slowly_is_given_up_on_and_no_service_hears_of_it(edge: Edge) -> None:
    before = edge.upstream.bodies
    head = f"PUT {PATH} HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {edge.token()}\r\ncontent-length: 500\r\n\r\n"
    started = time.monotonic()
    answer, unsent = exchanged(edge, head.encode(), *[b"a"] * 100, pause_s=0.2)
    assert problem_of(answer) == (408, "request-timeout")
    assert time.monotonic() - started >= REQUEST_TIMEOUT_S
    assert unsent > 0, "a further byte buys time"
    assert edge.upstream.bodies == before


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: edge\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: edge\r\na\x00b: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: edge\r\ncontent-length: many\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: edge\r\nunder_score: 1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_400_with_a_problem(edge: Edge, sent: bytes) -> None:
    assert problem_of(exchanged(edge, sent)[0]) == (400, "bad-request")
