"""The Key Vault adapter through the real SDK, over a transport that answers like a vault."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import HttpRequest
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl

from chassis.errors import DependencyUnavailable
from functions.identity.keys.vault import VaultKeys

VAULT = "https://identity-test.vault.azure.net"


class Credential:
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == ("https://vault.azure.net/.default",)
        return AccessToken("token", 4_000_000_000)

    async def close(self) -> None: ...

    async def __aenter__(self) -> "Credential":
        return self

    async def __aexit__(self, *_: object) -> None: ...


class Vault(AsyncHttpTransport[HttpRequest, Any]):
    """Secrets in memory, behind the challenge that a real vault begins with."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.away = False

    async def send(self, request: HttpRequest, **_: Any) -> Any:
        answer = self._answer(request)
        await answer.read()
        return answer

    def _answer(self, request: HttpRequest) -> Any:
        if self.away:
            raise ServiceRequestError("no route")
        name = request.url.split("/secrets/")[1].split("?")[0].strip("/")
        if "authorization" not in {header.lower() for header in request.headers}:
            challenge = 'Bearer authorization="https://login.example/t", resource="https://vault.azure.net"'
            return _answer(request, 401, {}, {"www-authenticate": challenge})
        if request.method == "PUT":
            self.secrets[name] = json.loads(request.content)["value"]  # type: ignore[arg-type]
        found = self.secrets.pop(name, None) if request.method == "DELETE" else self.secrets.get(name)
        if found is None:
            return _answer(request, 404, {"error": {"code": "SecretNotFound", "message": "none"}})
        return _answer(request, 200, {"value": found, "id": f"{VAULT}/secrets/{name}/1", "attributes": {}})

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


def _answer(request: HttpRequest, status: int, body: Any, headers: dict[str, str] | None = None) -> Any:
    content = json.dumps(body).encode()

    class Stream:
        def __aiter__(self) -> "Stream":
            self._left: Iterator[bytes] = iter([content])
            return self

        async def __anext__(self) -> bytes:
            try:
                return next(self._left)
            except StopIteration:
                raise StopAsyncIteration from None

    return AsyncHttpResponseImpl(
        request=request,
        internal_response=None,
        status_code=status,
        headers={"content-type": "application/json", **(headers or {})},
        reason="",
        content_type="application/json",
        stream_download_generator=lambda *_, **__: Stream(),
    )


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def keys(vault: Vault) -> VaultKeys:
    return VaultKeys(VAULT, Credential(), transport=vault, retry_total=0)  # type: ignore[arg-type]


async def test_a_key_is_kept_as_a_secret_found_again_and_deleted(keys: VaultKeys, vault: Vault) -> None:
    assert await keys.load("20300101-ab") is None
    await keys.save("20300101-ab", {"kty": "EC", "d": "x"})
    assert list(vault.secrets) == ["identity-signing-20300101-ab"]
    assert await keys.load("20300101-ab") == {"kty": "EC", "d": "x"}
    await keys.delete("20300101-ab")
    await keys.delete("20300101-ab")
    assert vault.secrets == {}


async def test_a_vault_that_is_away_is_a_dependency_that_is_unavailable(keys: VaultKeys, vault: Vault) -> None:
    vault.away = True
    for call in (keys.load("a"), keys.save("a", {}), keys.delete("a")):
        with pytest.raises(DependencyUnavailable):
            await call
