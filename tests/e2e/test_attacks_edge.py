"""The attack table's rows of HTTP itself: each at the edge and again straight at a service.

What only a listener can stop is tried at the edge alone, as no service is reached from outside: large headers here,
slow senders in tests/integration/edge/test_senders.py.
"""

import socket
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit

import httpx
import pytest

from local.platform import Platform

Door = Literal["edge", "service"]
DOORS: tuple[Door, ...] = ("edge", "service")
LIST = "/metadata/schemas"
GONE = b""
"""The answer of a server that hung up without a word."""


def address(platform: Platform, door: Door) -> str:
    return platform.edge_url if door == "edge" else platform.urls["metadata"]


@pytest.fixture(scope="module")
def token(platform: Platform) -> str:
    client = platform.demo_client
    answer = httpx.post(
        f"{platform.edge_url}/identity/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(client.id, client.secret.get_secret_value()),
    )
    return str(answer.json()["access_token"])


def raw(url: str, request: bytes, *, within_s: float = 60) -> bytes:
    """All that a server answers to these very bytes until it closes; GONE when it hangs up without a word."""
    place, answer = urlsplit(url), GONE
    with socket.create_connection((place.hostname, place.port), within_s) as connection:
        with suppress(ConnectionError):  # it may have refused what it has not read to its end
            connection.sendall(request)
        with suppress(ConnectionError):
            while more := connection.recv(65_536):
                answer += more
    return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


def listing(token: str, *lines: str, body: str = "") -> bytes:
    head = [f"GET {LIST} HTTP/1.1", "host: edge", f"authorization: Bearer {token}", "connection: close", *lines]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


@pytest.mark.parametrize("door", DOORS)
def test_headers_by_which_the_edge_speaks_to_services_move_nobody(platform: Platform, token: str, door: Door) -> None:
    url, plain = address(platform, door) + LIST, {"authorization": f"Bearer {token}"}
    forged = {
        "x-platform-tenant": "platform",
        "X-Platform-Subject": "root",
        "x-platform-scope": "metadata.admin",
        "x-platform-user": "root",
        "x-platform-control": "guess",
        "x-envoy-original-path": "/v3/discovery:clusters",
    }
    seen = httpx.get(url, headers=plain)
    assert seen.status_code == 200
    assert httpx.get(url, headers=plain | forged).json() == seen.json()
    assert httpx.get(url, headers=forged).status_code == 401


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("order", ["good first", "bad first"])
def test_two_authorization_headers_are_refused(platform: Platform, token: str, door: Door, order: str) -> None:
    pairs = [("authorization", f"Bearer {token}"), ("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")]
    headers = pairs if order == "good first" else pairs[::-1]
    assert httpx.get(address(platform, door) + LIST, headers=headers).status_code in {400, 401}


@pytest.mark.parametrize("door", DOORS)
def test_two_idempotency_keys_are_refused_and_one_is_not(platform: Platform, token: str, door: Door) -> None:
    url, sent = address(platform, door) + LIST, ("authorization", f"Bearer {token}")
    one, another = ("idempotency-key", "first"), ("Idempotency-Key", "second")
    assert httpx.get(url, headers=[sent, one]).status_code == 200
    for pairs in ([sent, one, another], [sent, one, one], [sent, ("idempotency-key", "first, second")]):
        answer = httpx.get(url, headers=pairs)
        assert answer.status_code == 400, pairs
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "lines",
    [
        ("content-length: 4", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked", "content-length: 4"),
        ("content-length: 4", "content-length: 40"),
        ("content-length: -1",),
        ("content-length: 4_0",),
        ("transfer-encoding: xchunked",),
        ("transfer-encoding: chunked, identity",),
        ("transfer-encoding : chunked",),
        ("x-null: a\x00b",),
    ],
)
def test_a_request_that_ends_twice_is_refused_and_its_rest_is_no_second_request(
    platform: Platform, token: str, door: Door, lines: tuple[str, ...]
) -> None:
    smuggled = f"0\r\n\r\nGET {LIST} HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {token}\r\n\r\n"
    answer = raw(address(platform, door), listing(token, *lines, body=smuggled))
    assert answer.count(b"HTTP/1.1 200") == 0 or (door == "service" and answer.count(b"HTTP/1.1") == 1), answer


PATHS = [
    "/metadata/..;/metadata/schemas",
    "/metadata/health/live/../../schemas",
    "/metadata/health/live/..;/..;/schemas",
    "/metadata/health/%2e%2e/schemas",
    "/metadata/health/live%2f..%2f..%2fschemas",
    "/metadata/health/live\\..\\..\\schemas",
    "//metadata//schemas",
    "/metadata/./schemas",
    "/METADATA/schemas",
    "/metadata/Schemas",
    "/metadata/schemas/",
    "/metadata/schemas;v=1",
    "/metadata/schemas%00",
    "/metadata/%73chemas",
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_past_the_token(platform: Platform, door: Door, path: str) -> None:
    answer = raw(address(platform, door), f"GET {path} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n".encode())
    # A health check is open to all and a redirect is no answer; the list is neither.
    assert b'"items"' not in answer
    assert status_of(answer) in {0, 307, 400, 401, 404, 405} or b'"live"' in answer, answer


@pytest.mark.parametrize(
    "path",
    [
        "/v3/discovery:clusters",
        "/gateway/../v3/discovery:clusters",
        "/docs/..;/v3/discovery:clusters",
        "/%76%33/discovery:clusters",
        "//v3//discovery:clusters",
        "/gateway/otlp/v1/traces",
        "/v3/exchange/metadata/schemas",
        "/admin/host/status",
        "/runtime/health/ready",
        "/metadata/metrics",
        "http://127.0.0.1/v3/discovery:clusters",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_path_leads_through_the_edge_to_what_is_inside(
    platform: Platform, token: str, path: str, method: str
) -> None:
    head = f"{method} {path} HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {token}\r\ncontent-length: 0"
    answer = raw(platform.edge_url, f"{head}\r\nconnection: close\r\n\r\n".encode())
    assert status_of(answer) in {400, 404, 405}, answer


@pytest.mark.parametrize(
    "lines",
    [[f"x-large: {'a' * 70_000}"], [f"x-{number}: {'a' * 900}" for number in range(120)]],
    ids=["one large header", "many headers"],
)
@pytest.mark.parametrize("door", DOORS)
def test_headers_that_are_too_large_are_refused(platform: Platform, token: str, lines: list[str], door: Door) -> None:
    assert status_of(raw(address(platform, door), listing(token, *lines))) == 431


@pytest.mark.parametrize("door", DOORS)
def test_a_path_that_is_too_long_is_refused(platform: Platform, door: Door) -> None:
    request = f"GET /metadata/schemas/{'a' * 70_000} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n"
    assert status_of(raw(address(platform, door), request.encode())) in {0, 400, 414, 431}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(platform: Platform, token: str, door: Door, chunked: bool) -> None:
    content = (b'"' + b"a" * 65_536 for _ in range(8)) if chunked else b'"' + b"a" * 300_000 + b'"'
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    answer = httpx.put(f"{address(platform, door)}{LIST}/large", content=content, headers=headers)
    # Of a body without a length the service reads what its host takes, and then finds that it is no schema.
    assert answer.status_code == 413 or (chunked and door == "service" and answer.status_code == 400)
    assert answer.headers["content-type"] == "application/problem+json"
