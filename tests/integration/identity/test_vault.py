"""The Key Vault adapter through the real SDK; a small HTTP server answers in the vault's place."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import AioHttpTransport

from chassis.errors import DependencyUnavailable
from functions.identity.keys.vault import VaultKeys

VAULT = "https://identity-test.vault.azure.net"


class Credential:
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == ("https://vault.azure.net/.default",)
        return AccessToken("token", 4_000_000_000)

    async def close(self) -> None: ...


class ToThisMachine(AioHttpTransport):
    """Sends what is meant for the vault to a server here. The SDK itself insists on https."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    async def send(self, request: Any, **config: Any) -> Any:
        meant = request.url
        request.url = meant.replace(VAULT, self.url)
        try:
            return await super().send(request, **config)
        finally:
            request.url = meant  # the SDK sends it once more after the challenge


class Server:
    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        if request.headers.get("authorization") != "Bearer token":
            challenge = 'Bearer authorization="https://login.example/t", resource="https://vault.azure.net"'
            return web.json_response({}, status=401, headers={"WWW-Authenticate": challenge})
        name = request.match_info["name"]
        if request.method == "PUT":
            self.secrets[name] = (await request.json())["value"]
        found = self.secrets.pop(name, None) if request.method == "DELETE" else self.secrets.get(name)
        if found is None:
            return web.json_response({"error": {"code": "SecretNotFound", "message": "none"}}, status=404)
        return web.json_response({"value": found, "id": f"{VAULT}/secrets/{name}/1", "attributes": {}})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/secrets/{name}", made.handle)
    app.router.add_route("*", "/secrets/{name}/", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def transport(server: Server) -> AsyncIterator[ToThisMachine]:
    made = ToThisMachine(server.url)
    yield made
    await made.close()


@pytest.fixture
def vault(transport: ToThisMachine) -> VaultKeys:
    return VaultKeys(VAULT, Credential(), transport=transport, retry_total=0)  # type: ignore[arg-type]


async def test_a_key_is_kept_as_a_secret_found_again_and_deleted(server: Server, vault: VaultKeys) -> None:
    assert await vault.load("20300101-ab") is None
    await vault.save("20300101-ab", {"kty": "EC", "d": "x"})
    assert list(server.secrets) == ["identity-signing-20300101-ab"]
    assert await vault.load("20300101-ab") == {"kty": "EC", "d": "x"}
    await vault.delete("20300101-ab")
    await vault.delete("20300101-ab")
    assert server.secrets == {}


async def test_a_vault_that_is_away_is_a_dependency_that_is_unavailable(
    transport: ToThisMachine, vault: VaultKeys
) -> None:
    transport.url = "http://127.0.0.1:9"
    for call in (vault.load("a"), vault.save("a", {}), vault.delete("a")):
        with pytest.raises(DependencyUnavailable):
            await call
