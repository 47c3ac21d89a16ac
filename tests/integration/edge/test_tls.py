"""Who may speak to the edge by TLS, and many streams of one HTTP/2 connection: each is let in by itself."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from local.ports import any_free
from tests.integration.edge.certificates import write_certificate
from tests.integration.edge.conftest import HEADER_TIMEOUT_S
from tests.integration.edge.edge import Edge
from tests.integration.edge.processes import wait_until
from tests.integration.edge.upstream import HOST

PATH = "/metadata/schemas/flight"
LEGACY = ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"]
"""Without forward secrecy, or in CBC."""


@pytest.fixture(scope="module")
def port(edge: Edge) -> Iterator[int]:
    """Where an edge listens with TLS."""
    (port,) = any_free(1)
    write_certificate(edge.keys / "tls", "first.edge.test")
    with edge.another("with-tls", tls_port=port):
        wait_until(lambda: agreed(port, client()) is not None, "TLS is served")
        yield port


def client(ciphers: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if ciphers:
        context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    return context


def agreed(port: int, context: ssl.SSLContext) -> str | None:
    """The version that both ends take; None while nobody listens. Raises SSLError."""
    with suppress(ConnectionError), socket.create_connection((HOST, port), 5) as plain:
        try:
            return context.wrap_socket(plain).version()
        except ssl.SSLError as error:
            if error.reason is None:  # the certificate is not there yet
                return None
            raise
    return None


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_nothing_below_tls_1_2_is_spoken(port: int) -> None:
    old, new = client("ALL"), client()
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        agreed(port, old)
    assert agreed(port, new) == "TLSv1.3"
    new.maximum_version = ssl.TLSVersion.TLSv1_2
    assert agreed(port, new) == "TLSv1.2"


@pytest.mark.parametrize("cipher", LEGACY)
def test_no_cipher_is_taken_that_keeps_no_secret_for_long(port: int, cipher: str) -> None:
    old = client(cipher)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        agreed(port, old)


def test_one_that_connects_and_says_nothing_is_given_up_on(port: int) -> None:
    with socket.create_connection((HOST, port), HEADER_TIMEOUT_S + 10) as connection:
        assert connection.recv(1) == b""


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl speaks HTTP/2")
def test_each_stream_of_a_connection_is_let_in_by_its_own_token(edge: Edge, port: int, tmp_path: Path) -> None:
    token, narrow = edge.token(), edge.token(scope="metadata.read")
    assert edge.ask("GET", PATH, token).status_code == 200
    asked = [
        (PATH, token, "200"),
        (PATH, "", "401"),
        (PATH, token + "x", "401"),
        (PATH, narrow, "200"),
        ("/metadata/admin", token, "403"),
        ("/nobody", token, "404"),
        (f"{PATH}?{'a' * 9_000}", token, "414"),
        ("/metadata/health/live", "", "200"),
    ] * 8
    config = tmp_path / "curl"
    config.write_text(
        "\nnext\n".join(
            f'url = "https://{HOST}:{port}{path}"\noutput = "{tmp_path / str(number)}"\ninsecure\n'
            f'header = "authorization:{f" Bearer {bearer}" if bearer else ""}"\n'
            'write-out = "%{filename_effective} %{http_version} %{response_code} %{content_type}\\n"'
            for number, (path, bearer, _) in enumerate(asked)
        )
    )
    command = ("curl", "--silent", "--parallel", "--parallel-max", "50", "--config", str(config))
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split("\n")
    answers = {Path(name).name: rest for name, *rest in (line.split(" ") for line in said if line)}
    expected = {
        str(number): ["2", status, "application/json" if status == "200" else "application/problem+json"]
        for number, (_, _, status) in enumerate(asked)
    }
    assert answers == expected


def test_the_edges_admin_is_reached_from_this_machine_alone(edge: Edge) -> None:
    admin = httpx.URL(edge.admins[edge.url])
    assert httpx.get(f"{admin}/ready").status_code == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", admin.port or 0), 5)
