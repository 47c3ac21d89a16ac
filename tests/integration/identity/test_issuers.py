"""How other issuers' keys are fetched: from a real HTTP server whose keys change, are doubled, or come slowly."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from joserfc.jwk import RSAKey

from chassis.errors import DependencyUnavailable
from chassis.outgoing.addresses import Guard
from chassis.outgoing.client import OutgoingClient
from functions.identity.federation import issuers as module
from functions.identity.federation.issuers import Issuers, UntrustedToken
from tests.integration.identity.issuers import Issuer

AUDIENCE = "api://platform"


@pytest.fixture
def asked_slow() -> asyncio.Event:
    """Set when the slow issuer was asked."""
    return asyncio.Event()


@pytest.fixture
async def outside(asked_slow: asyncio.Event) -> AsyncIterator[Issuer]:
    """An issuer on this event loop; `/slow` never answers, `/liar` names another issuer."""
    issuer = Issuer()

    async def answer(request: web.Request) -> web.Response:
        if request.path.startswith("/slow"):
            asked_slow.set()
            await asyncio.Event().wait()
        status, headers, body = issuer.answer(request.method, request.path_qs, await request.read())
        if request.path.startswith("/liar"):
            body = json.dumps({**json.loads(body), "issuer": issuer.url}).encode()
        return web.Response(status=status, headers=headers, body=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield issuer
    await runner.cleanup()


@pytest.fixture
async def issuers() -> AsyncIterator[Issuers]:
    client = OutgoingClient(Guard(allow_private=True))
    yield Issuers(client, plain_http=True)
    await client.close()


def token(outside: Issuer, path: str = "/a", key: RSAKey | None = None, **claims: Any) -> str:
    return outside.token(key, iss=f"{outside.url}{path}", aud=AUDIENCE, sub="ada", **claims)


async def read(issuers: Issuers, outside: Issuer, text: str, path: str = "/a") -> dict[str, Any]:
    return await issuers.claims(text, f"{outside.url}{path}", AUDIENCE)


async def test_an_issuers_new_key_is_found_when_it_is_first_used_and_the_old_one_is_gone(
    issuers: Issuers, outside: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = token(outside)
    assert (await read(issuers, outside, old))["sub"] == "ada"
    outside.key = RSAKey.generate_key(2048, {"kid": "later"})
    monkeypatch.setattr(module, "REFETCH_AFTER_S", 0)
    assert (await read(issuers, outside, token(outside)))["sub"] == "ada"
    with pytest.raises(UntrustedToken):
        await read(issuers, outside, old)


async def test_unknown_keys_do_not_make_us_ask_each_time(issuers: Issuers, outside: Issuer) -> None:
    await read(issuers, outside, token(outside))
    asked = len(outside.asked)
    for _ in range(5):
        header = {"alg": "RS256", "kid": "unknown"}
        forged = module.jwt.encode(header, {"iss": f"{outside.url}/a"}, outside.key)
        with pytest.raises(UntrustedToken):
            await read(issuers, outside, forged)
    assert len(outside.asked) == asked


async def test_a_key_id_that_the_issuer_publishes_twice_is_not_believed(issuers: Issuers, outside: Issuer) -> None:
    public = outside.key.as_dict(private=False)
    other = RSAKey.generate_key(2048, {"kid": "outside"}).as_dict(private=False)
    good = outside.answer

    def doubled(method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        return (
            (200, {}, json.dumps({"keys": [public, other]}).encode()) if path == "/keys" else good(method, path, body)
        )

    outside.answer = doubled  # type: ignore[method-assign]
    with pytest.raises(UntrustedToken):
        await read(issuers, outside, token(outside))


async def test_a_discovery_document_of_another_issuer_is_not_believed(issuers: Issuers, outside: Issuer) -> None:
    with pytest.raises(DependencyUnavailable):
        await read(issuers, outside, token(outside, "/liar"), "/liar")


async def test_an_issuer_is_asked_over_https_and_outside_only(outside: Issuer) -> None:
    for guard, plain_http in ((Guard(allow_private=True), False), (Guard(), True)):
        client = OutgoingClient(guard)
        with pytest.raises(DependencyUnavailable):
            await read(Issuers(client, plain_http=plain_http), outside, token(outside))
        await client.close()
    assert outside.asked == []


async def test_a_slow_issuer_holds_up_no_other(
    issuers: Issuers, outside: Issuer, asked_slow: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 60.0)
    slow = asyncio.create_task(read(issuers, outside, token(outside, "/slow"), "/slow"))
    await asked_slow.wait()
    await read(issuers, outside, token(outside))
    assert not slow.done()
    slow.cancel()


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1},
        {"exp": 10**30},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"nbf": 4e9},
        {"nbf": float("nan")},
        {"iat": 4e9},
        {"aud": None},
        {"iss": "x"},
    ],
)
async def test_a_token_that_is_wrong_in_one_claim_is_not_believed(
    issuers: Issuers, outside: Issuer, claims: dict[str, Any]
) -> None:
    told = {"iss": f"{outside.url}/a", "aud": AUDIENCE, **claims}
    with pytest.raises(UntrustedToken):
        await read(issuers, outside, outside.token(**told))
