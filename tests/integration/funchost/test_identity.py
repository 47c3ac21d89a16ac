"""Storage without a key: an Azurite that takes tokens over TLS, and a managed identity that gives them."""

import base64
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient, TextBase64EncodePolicy
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chassis.settings import AZURITE_KEY
from local import ports
from local.azurite import azurite_command
from local.layout import Layout
from tests.integration.funchost.conftest import StartHost, wait_until

_RESOURCE = "https://storage.azure.com"


def _certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that signs itself, `cert.pem`, with its key in `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, form, plain))
    return folder / "cert.pem"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A connection string with the key, for the test itself, and the certificate."""
    certificate = _certificate(tmp_path)
    blob, queue, table = ports.any_free(3)
    command = [*azurite_command(Layout(), blob, queue, table), "--oauth", "basic"]
    command += ["--cert", str(certificate), "--key", str(tmp_path / "key.pem")]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: not any(ports.is_free(port) for port in (blob, queue, table)), 60)
        account = "devstoreaccount1"
        yield (
            (
                f"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={AZURITE_KEY};"
                f"BlobEndpoint=https://127.0.0.1:{blob}/{account};QueueEndpoint=https://127.0.0.1:{queue}/{account};"
            ),
            certificate,
        )
        process.terminate()


def _token() -> str:
    now = int(time.time())
    claims = {
        "aud": _RESOURCE,
        "iss": "https://sts.windows.net/7/",
        "iat": now,
        "nbf": now - 10,
        "exp": now + 3600,
    }
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + ".c2ln"


@pytest.fixture
def identity() -> Iterator[tuple[str, list[str]]]:
    """The address of a managed identity, as App Service has one, and what it was asked for."""
    asked: list[str] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps(
                {
                    "access_token": _token(),
                    "expires_on": str(int(time.time()) + 3600),
                    "token_type": "Bearer",
                    "resource": _RESOURCE,
                }
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/token", asked
    server.shutdown()
    server.server_close()


def test_queue_and_blob_are_reached_with_a_token(
    start_host: StartHost, store: tuple[str, Path], identity: tuple[str, list[str]]
) -> None:
    connection, certificate = store
    addresses = dict(part.split("=", 1) for part in connection.split(";") if "Endpoint=" in part)
    host = start_host(
        "by_identity",
        Store__queueServiceUri=addresses["QueueEndpoint"],
        Store__blobServiceUri=addresses["BlobEndpoint"],
        IDENTITY_ENDPOINT=identity[0],
        IDENTITY_HEADER="x",
        SSL_CERT_FILE=str(certificate),
    )
    host.wait_for("Created the queue orders")
    trusted = {"connection_verify": str(certificate)}
    with (
        QueueServiceClient.from_connection_string(connection, **trusted) as queues,
        BlobServiceClient.from_connection_string(connection, **trusted) as blobs,
    ):
        queue = queues.get_queue_client("orders", message_encode_policy=TextBase64EncodePolicy())
        queue.send_message("seven")
        blob = blobs.get_blob_client("copies", "seven")
        wait_until(blob.exists)
        assert blob.download_blob().readall() == b"SEVEN"
    assert f"resource={_RESOURCE}" in identity[1][0]
    assert host.terminate() == 0
