"""What the edge does to every request besides letting it in: browsers, compression, ids, TLS, HTTP/2."""

import asyncio
import shutil
import socket
import ssl
import subprocess

import aiohttp
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from local.ports import any_free
from tests.integration.edge.certificates import write_certificate
from tests.integration.edge.edge import ORIGIN, Edge
from tests.integration.edge.processes import wait_until
from tests.integration.edge.upstream import HOST

PATH = "/metadata/schemas/flight"


@pytest.mark.parametrize("path", [PATH, "/metadata/health/live", "/metadata/nothing", "/nobody"])
def test_an_address_that_no_service_would_take_is_refused_with_a_problem_before_it_is_counted(
    edge: Edge, path: str
) -> None:
    answer = edge.ask("GET", f"{path}?x={'a' * 8_000}", edge.token())
    assert (answer.status_code, answer.json()["type"]) == (414, "urn:problem:gateway:path-too-long")
    assert answer.headers["ratelimit"] == '"default";r=0;t=0'


def test_a_preflight_of_an_allowed_origin_is_answered_without_a_token(edge: Edge) -> None:
    asked = {"origin": ORIGIN, "access-control-request-method": "PUT"}
    answer = edge.ask("OPTIONS", PATH, headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", f"{ORIGIN}.evil.example", "null", ORIGIN.upper() + "x"])
def test_another_origin_is_told_nothing(edge: Edge, origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "PUT"}
    preflight = edge.ask("OPTIONS", PATH, headers=asked)
    assert preflight.status_code >= 400
    answer = edge.ask("GET", PATH, edge.token(), headers={"origin": origin})
    assert not [name for name in {**preflight.headers, **answer.headers} if name.startswith("access-control-allow")]


def test_a_page_of_an_allowed_origin_may_read_the_answer_and_the_refusal(edge: Edge) -> None:
    for token in (edge.token(), None):
        answer = edge.ask("GET", PATH, token, headers={"origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "x-request-id" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("path", ["/metadata/health/live", PATH, "/nothing", "/metadata%2fx"])
def test_every_answer_keeps_browsers_from_guessing_and_framing(edge: Edge, path: str) -> None:
    answer = edge.ask("GET", path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers


def test_long_text_is_compressed_for_those_who_take_it(edge: Edge) -> None:
    long = {"x-long": "a" * 3000}
    packed = edge.ask("GET", PATH, edge.token(), headers={**long, "accept-encoding": "gzip"})
    plain = edge.ask("GET", PATH, edge.token(), headers={**long, "accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json()["headers"]["x-long"] == plain.json()["headers"]["x-long"]


def test_the_request_id_is_the_edges_own(edge: Edge) -> None:
    answer = edge.ask("GET", PATH, edge.token(), headers={"x-request-id": "chosen-by-the-client"})
    assert answer.headers["x-request-id"] != "chosen-by-the-client"
    assert answer.json()["headers"]["x-request-id"] == answer.headers["x-request-id"]


def test_no_query_reaches_a_span_or_the_access_log(edge: Edge) -> None:
    trace_id = "1bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    edge.ask("GET", f"{PATH}?sig=very-secret", edge.token(), headers=headers)

    def exported() -> list[bytes]:
        return [body for _, body in edge.upstream.exports if bytes.fromhex(trace_id) in body]

    wait_until(lambda: bool(exported()), "the span is exported")
    assert b"very-secret" not in b"".join(exported())
    request = ExportTraceServiceRequest.FromString(exported()[0])
    spans = [span for group in request.resource_spans for scope in group.scope_spans for span in scope.spans]
    tags = {tag.key: tag.value.string_value for span in spans for tag in span.attributes}
    assert tags["url.path"] == PATH
    wait_until(lambda: trace_id in (edge.keys / "edge.log").read_text(), "the access log is written")
    assert "very-secret" not in (edge.keys / "edge.log").read_text()


def test_a_websocket_passes_to_the_service_behind(edge: Edge) -> None:
    assert echoed(f"{edge.url}/client/?hub=platform") == "hello"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl speaks HTTP/2 without TLS")
def test_http_2_is_spoken_without_tls_by_those_who_know(edge: Edge) -> None:
    options = ["-s", "-o", "/dev/null", "-w", "%{http_version} %{response_code}", "--http2-prior-knowledge"]
    answer = subprocess.run(
        ["curl", *options, f"{edge.url}/metadata/health/live"], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "2 200"


def test_http_1_0_is_refused_with_a_problem(edge: Edge) -> None:
    with socket.create_connection((HOST, int(edge.url.rpartition(":")[2])), 30) as connection:
        connection.sendall(b"GET /metadata/health/live HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.split(b" ", 2)[1] == b"426"
    assert b"urn:problem:gateway:upgrade-required" in answer


def test_tls_offers_http_2_and_takes_a_renewed_certificate_without_a_restart(edge: Edge) -> None:
    (port,) = any_free(1)
    folder = edge.keys / "tls"
    write_certificate(folder, "first.edge.test")
    with edge.another("with-tls", tls_port=port):
        wait_until(lambda: _served(port) == ("first.edge.test", "h2"), "TLS is served")
        answer = httpx.get(f"https://{HOST}:{port}/metadata/health/live", verify=_anyone())
        assert (answer.status_code, answer.headers["strict-transport-security"]) == (200, "max-age=31536000")
        assert echoed(f"https://{HOST}:{port}/client/?hub=platform") == "hello"
        write_certificate(folder, "second.edge.test")
        wait_until(lambda: _served(port)[0] == "second.edge.test", "the renewed certificate is served")


def echoed(url: str) -> str:
    """What comes back of a message on a WebSocket."""
    return asyncio.run(_echoed(url))


async def _echoed(url: str) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, ssl=_anyone(http_2=False), timeout=aiohttp.ClientWSTimeout(ws_close=30)) as connection,
    ):
        await connection.send_str("hello")
        return await connection.receive_str(timeout=30)


def _anyone(*, http_2: bool = True) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"] if http_2 else ["http/1.1"])
    return context


def _served(port: int) -> tuple[str, str | None]:
    """The name in the certificate and the protocol; nothing while TLS is not there."""
    try:
        with (
            socket.create_connection((HOST, port), 2) as plain,
            _anyone().wrap_socket(plain, server_hostname="edge.test") as connection,
        ):
            raw = connection.getpeercert(binary_form=True) or b""
            name = "second.edge.test" if b"second.edge.test" in raw else "first.edge.test"
            return name, connection.selected_alpn_protocol()
    except OSError:
        return "", None
