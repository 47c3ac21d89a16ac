"""A service's own token, from a token endpoint on the loopback interface that checks the assertion."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.auth.service_token import ASSERTION_TYPE, ServiceToken
from chassis.errors import DependencyUnavailable

KEY = ECKey.generate_key("P-256", private=True)


class Endpoint:
    def __init__(self) -> None:
        self.answered = 0
        self.lifetime_s = 600
        self.url = ""
        self.away = False
        self.projected: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        form = await request.post()
        if self.away:
            return web.json_response({"error": "server_error"}, status=503)
        if str(form["client_assertion"]) in ("one", "two"):
            self.projected.append(str(form["client_assertion"]))
            return web.json_response({"access_token": "t", "expires_in": 600})
        claims = jwt.decode(str(form["client_assertion"]), KEY, algorithms=["ES256"]).claims
        assert form["client_assertion_type"] == ASSERTION_TYPE
        assert claims["iss"] == claims["sub"] == form["client_id"] == "svc-audit"
        assert claims["aud"] == "https://issuer.example"
        assert claims["exp"] - claims["iat"] <= 300
        self.answered += 1
        return web.json_response({"access_token": f"token-{self.answered}", "expires_in": self.lifetime_s})


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    app = web.Application()
    app.router.add_post("/token", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    yield made
    await runner.cleanup()


def token(endpoint: Endpoint, folder: Path, key: str = json.dumps(KEY.as_dict(private=True))) -> ServiceToken:
    file = folder / "audit.jwk"
    file.write_text(key)
    return ServiceToken("audit", file, endpoint.url, "https://issuer.example")


async def test_a_token_is_fetched_once_and_kept(endpoint: Endpoint, tmp_path: Path) -> None:
    mine = token(endpoint, tmp_path)
    assert [await mine.get() for _ in range(3)] == ["token-1"] * 3


async def test_a_token_near_its_end_is_still_given_and_renewed_behind_the_call(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.lifetime_s = 100
    mine = token(endpoint, tmp_path)
    endpoint.lifetime_s = 100
    assert [await mine.get(), await mine.get()] == ["token-1", "token-1"]
    async with asyncio.timeout(60):
        while await mine.get() == "token-1":  # noqa: ASYNC110 - a thread renews it, nothing can be awaited
            await asyncio.sleep(0.01)


async def test_a_token_that_is_still_good_goes_on_while_identity_is_away(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.lifetime_s = 100
    mine = token(endpoint, tmp_path)
    await mine.get()
    endpoint.away = True
    assert await asyncio.to_thread(mine.get_now) == "token-1"
    mine.forget()
    with pytest.raises(DependencyUnavailable):
        await mine.get()


async def test_a_token_at_its_end_is_not_used_any_more(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.lifetime_s = 5
    mine = token(endpoint, tmp_path)
    assert [await mine.get(), await mine.get()] == ["token-1", "token-2"]


async def test_a_projected_service_account_token_is_read_anew_for_each_token(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    projected = tmp_path / "token"
    mine = ServiceToken("audit", tmp_path / "none.jwk", endpoint.url, "https://issuer.example", projected)
    for text in ("one", "two"):
        projected.write_text(f"{text}\n")
        mine.forget()
        await mine.get()
    assert endpoint.projected == ["one", "two"]


async def test_a_forgotten_token_is_fetched_anew(endpoint: Endpoint, tmp_path: Path) -> None:
    mine = token(endpoint, tmp_path)
    await mine.get()
    mine.forget()
    assert await mine.get() == "token-2"


@pytest.mark.parametrize("key", ["", "no json", "{}", '{"kty": "EC"}', '{"kty": "oct", "k": "AAAA"}'])
async def test_a_key_file_that_is_no_key_is_said_without_its_content(
    endpoint: Endpoint, tmp_path: Path, key: str
) -> None:
    with pytest.raises(DependencyUnavailable, match="svc-audit has no usable key file"):
        await token(endpoint, tmp_path, key).get()


async def test_identity_that_is_away_is_a_dependency_that_is_unavailable(tmp_path: Path) -> None:
    gone = Endpoint()
    gone.url = "http://127.0.0.1:9/token"
    with pytest.raises(DependencyUnavailable):
        await token(gone, tmp_path).get()
