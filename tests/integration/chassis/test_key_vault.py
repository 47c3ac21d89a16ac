"""The Key Vault adapter: the real SDK, over TLS, to a server on this machine that answers as the vault's REST API does.

https://learn.microsoft.com/rest/api/keyvault/secrets: set, get, delete, recover and list, with soft delete.
"""

import datetime
import ipaddress
import re
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chassis.errors import DependencyUnavailable
from chassis.secrets.key_vault import KeyVaultSecrets, vault_name
from chassis.secrets.store import SecretNotFound


class Vault:
    """Secrets by name, and those that were deleted and are kept."""

    def __init__(self) -> None:
        self.url = ""
        self.live: dict[str, dict[str, Any]] = {}
        self.deleted: dict[str, dict[str, Any]] = {}
        self.tokens: set[str] = set()

    async def handle(self, request: web.Request) -> web.Response:
        token = request.headers.get("authorization")
        if token is None:
            challenge = 'Bearer authorization="https://login.example/t", resource="https://vault.azure.net"'
            return web.Response(status=401, headers={"www-authenticate": challenge})
        self.tokens.add(token)
        kind, *rest = request.path.strip("/").split("/")
        name = rest[0] if rest else None
        if request.method == "PUT":
            return self._set(str(name), await request.json())
        if request.method == "POST" and rest[1:] == ["recover"]:
            self.live[str(name)] = self.deleted.pop(str(name))
            return self._bundle(str(name))
        if request.method == "DELETE":
            if name not in self.live:
                return self._missing()
            self.deleted[name] = self.live.pop(name)
            return web.json_response({**self.deleted[name], "id": f"{self.url}/secrets/{name}/1", "recoveryId": "r"})
        if kind == "deletedsecrets":
            return web.json_response(self.deleted[str(name)]) if name in self.deleted else self._missing()
        if name is None:
            items = [{"id": f"{self.url}/{kind}/{key}", **_without_value(value)} for key, value in self.live.items()]
            return web.json_response({"value": items, "nextLink": None})
        return self._bundle(name) if name in self.live else self._missing()

    def _set(self, name: str, body: dict[str, Any]) -> web.Response:
        assert re.fullmatch(r"[0-9A-Za-z-]{1,127}", name)
        if name in self.deleted:
            return web.json_response({"error": {"code": "Conflict", "message": "deleted but recoverable"}}, status=409)
        self.live[name] = {"attributes": {"enabled": True}, **body}
        return self._bundle(name)

    def _bundle(self, name: str) -> web.Response:
        return web.json_response({"id": f"{self.url}/secrets/{name}/1", **self.live[name]})

    def _missing(self) -> web.Response:
        return web.json_response({"error": {"code": "SecretNotFound", "message": "not found"}}, status=404)


def _without_value(secret: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in secret.items() if key != "value"}


class Credential:
    """The process's identity, without the cloud that gives it."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken("t0ken", int(time.time()) + 3600)

    async def get_token_info(self, *scopes: str, **options: Any) -> Any:
        return AccessToken("t0ken", int(time.time()) + 3600)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> "Credential":
        return self

    async def __aexit__(self, *_: object) -> None:
        return


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of its own authority for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = tmp_path / "vault.pem"
    path.write_bytes(
        made.public_bytes(encoding) + key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    )
    return path


@pytest.fixture
async def vault(certificate: Path) -> AsyncIterator[Vault]:
    made = Vault()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    made.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def store(vault: Vault, certificate: Path) -> AsyncIterator[KeyVaultSecrets]:
    options = {"verify_challenge_resource": False, "connection_verify": str(certificate), "retry_total": 0}
    store = KeyVaultSecrets(vault.url, Credential(), **options)
    yield store
    await store.close()


async def test_secrets_are_kept_listed_and_forgotten_by_tenant(vault: Vault, store: KeyVaultSecrets) -> None:
    await store.put("t", "b", {"username": "u", "password": "p"})
    await store.put("t", "a", "token")
    await store.put("other", "a", "theirs")
    assert await store.get("t", "b") == {"username": "u", "password": "p"}
    assert await store.names("t") == ["a", "b"]
    await store.delete("t", "a")
    await store.delete("t", "a")
    with pytest.raises(SecretNotFound):
        await store.get("t", "a")
    assert await store.get("other", "a") == "theirs"
    assert vault.tokens == {"Bearer t0ken"}


async def test_a_secret_that_was_deleted_can_be_put_again(vault: Vault, store: KeyVaultSecrets) -> None:
    await store.put("t", "a", 1)
    await store.delete("t", "a")
    await store.put("t", "a", 2)
    assert await store.get("t", "a") == 2
    assert vault.deleted == {}


async def test_a_vault_that_is_away_is_said_to_be(certificate: Path) -> None:
    store = KeyVaultSecrets("https://127.0.0.1:1", Credential(), verify_challenge_resource=False, retry_total=0)
    with pytest.raises(DependencyUnavailable):
        await store.get("t", "a")
    await store.close()


def test_the_vaults_name_of_a_secret_tells_nothing_and_collides_with_no_other() -> None:
    names = {vault_name("t", "a"), vault_name("t", "b"), vault_name("ta", ""), vault_name("u", "a")}
    assert len(names) == 4
    assert all(re.fullmatch(r"[0-9a-zA-Z-]{1,127}", name) for name in names)
