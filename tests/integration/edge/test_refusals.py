"""What the edge answers itself: at once, without keeping a body, and with what is wrong; with either kind of checks."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from functions.gateway.envoy.listener import MAX_HEADERS
from tests.integration.edge.edge import ALIVE, ORIGIN, Edge
from tests.integration.edge.test_senders import problem_of

PATH = "/metadata/schemas/flight"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACE = f"00-{TRACE_ID}-b7ad6b7169203331-01"
TAKEN_BY_SERVICES, TAKEN_BYTES = 100, 32_768
"""How many headers, and how long together, a service's host takes (Kestrel's limits)."""


@pytest.fixture(scope="module", params=["module", "native"])
def url(edge: Edge, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an edge with either kind of checks."""
    if request.param == "module":
        yield edge.url
        return
    with edge.another("native", module=False) as native:
        yield native


def answer_to(url: str, head: str, body: bytes = b"") -> bytes:
    """The first piece of an edge's answer to a head and the beginning of a body."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), 10) as connection:
        connection.sendall(head.encode() + b"host: edge\r\n\r\n" + body)
        return connection.recv(65_536)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /nobody", 404),
        ("POST /metadata/nothing", 404),
        (f"POST {PATH}", 405),
        ("POST /metadata/health/live", 405),
        (f"PUT {PATH}", 401),
        ("CONNECT metadata:80", 404),
    ],
)
def test_an_answer_of_the_edges_own_does_not_wait_for_the_body(url: str, line: str, status: int) -> None:
    length = "" if line.startswith("CONNECT") else "content-length: 60000000\r\n"
    answer = answer_to(url, f"{line} HTTP/1.1\r\n{length}", b"a" * 10_000)
    assert problem_of(answer)[0] == status


@pytest.mark.parametrize("line", [f"GET {PATH}", "GET /metadata/nothing", "GET https://edge/metadata/health/live"])
def test_an_upgrade_that_is_not_offered_is_no_question_of_scopes(url: str, line: str) -> None:
    upgrade = "" if "https" in line else "connection: upgrade\r\nupgrade: websocket\r\n"
    assert problem_of(answer_to(url, f"{line} HTTP/1.1\r\n{upgrade}")) == (400, "bad-request")


@pytest.mark.parametrize("sent", ["", "bogus", TRACE.upper(), TRACE[:-1], TRACE.replace(TRACE_ID, "0" * 32)])
def test_a_trace_that_is_none_is_not_gone_on_with_and_the_request_has_another(edge: Edge, url: str, sent: str) -> None:
    headers = {"traceparent": sent, "tracestate": "a=b", "x-client-trace-id": "own"}
    seen = httpx.get(url + PATH, headers={**headers, "authorization": f"Bearer {edge.token()}"}).json()["headers"]
    assert seen["traceparent"].split("-")[1] == seen["x-platform-trace-id"] != TRACE_ID
    assert (seen["tracestate"], "x-client-trace-id" in seen) == ("", False)
    refused = httpx.get(url + PATH, headers=headers).json()
    assert len(refused["traceId"]) == 32


def test_a_trace_that_is_one_is_gone_on_with(edge: Edge, url: str) -> None:
    headers = {"traceparent": TRACE, "authorization": f"Bearer {edge.token()}"}
    seen = httpx.get(url + PATH, headers=headers).json()["headers"]
    assert (seen["traceparent"].split("-")[1], seen["x-platform-trace-id"]) == (TRACE_ID, TRACE_ID)
    assert httpx.get(url + PATH, headers={"traceparent": TRACE}).json()["traceId"] == TRACE_ID


def test_with_what_the_edge_adds_headers_stay_within_what_services_take(edge: Edge, url: str) -> None:
    plain = {"authorization": f"Bearer {edge.token()}", "traceparent": TRACE}
    with httpx.Client() as client:
        own = len(client.build_request("GET", url + PATH, headers=plain).headers)
    many = plain | {f"x-{number}": "" for number in range(MAX_HEADERS - own)}
    seen = httpx.get(url + PATH, headers=many)
    assert seen.status_code == 200, seen.text
    assert len(seen.json()["headers"]) <= TAKEN_BY_SERVICES
    assert httpx.get(url + PATH, headers=many | {"x-more": ""}).status_code == 431
    large = plain | {"x-large": "a" * 26_000}
    seen = httpx.get(url + PATH, headers=large)
    assert sum(len(name) + len(value) + 4 for name, value in seen.json()["headers"].items()) < TAKEN_BYTES - 2_048
    assert httpx.get(url + PATH, headers=plain | {"x-large": "a" * 28_000}).status_code == 431


@pytest.mark.parametrize(
    ("before", "status"),
    [("Bearer ", 200), ("bearer ", 200), ("BEARER ", 200), ("Bearer\t", 401), ("", 401), ("JWT ", 401)],
)
def test_a_token_is_taken_by_its_schemes_name_however_that_is_written(
    edge: Edge, url: str, before: str, status: int
) -> None:
    headers = {"authorization": f"{before}{edge.token()}"}
    assert [httpx.get(url + PATH, headers=headers).status_code for _ in range(2)] == [status] * 2


@pytest.mark.parametrize("sent", ["bearer {} x", "Bearer {},{}", "bearer {0}.x", "Bearer x {}", "bearer Bearer x"])
def test_a_token_beside_something_else_is_none(edge: Edge, url: str, sent: str) -> None:
    headers = {"authorization": sent.format(*[edge.token()] * 2)}
    assert httpx.get(url + PATH, headers=headers).status_code == 401


@pytest.mark.parametrize("authorization", ["", "Bearer x"])
def test_no_service_sees_an_api_key_that_was_sent_to_a_public_route(url: str, authorization: str) -> None:
    headers = {"x-api-key": "plk_secret"} | ({"authorization": authorization} if authorization else {})
    answer = httpx.get(url + ALIVE, headers=headers)
    assert (answer.status_code, "x-api-key" in answer.json()["headers"]) == (200, False)


@pytest.mark.parametrize("origin", ["", ORIGIN, "https://evil.example"])
def test_a_cache_gives_no_origin_what_was_answered_to_another(edge: Edge, url: str, origin: str) -> None:
    headers = {"authorization": f"Bearer {edge.token()}", "x-long": "a" * 3_000} | (
        {"origin": origin} if origin else {}
    )
    for answer in (httpx.get(url + PATH, headers=headers), httpx.get(url + PATH, headers={"origin": origin})):
        varies = {name.strip().lower() for name in answer.headers["vary"].split(",")}
        assert "origin" in varies
        assert ("accept-encoding" in varies) == (answer.status_code == 200)
