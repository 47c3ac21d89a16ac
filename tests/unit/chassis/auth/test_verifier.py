import asyncio
import hmac
import json
from base64 import urlsafe_b64encode
from time import monotonic, time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from chassis.auth.key_times import KEYS_FRESH_FOR_S
from chassis.auth.published_keys import PublishedKeys
from chassis.auth.verifier import TokenVerifier
from chassis.errors import DependencyUnavailable, Unauthorized

ISSUER = "https://edge.example/identity"
KEY = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
LATER = ECKey.generate_key("P-256", {"kid": "two"}, private=True)


class Listed(PublishedKeys):
    """Keys from a list in memory."""

    def __init__(self, *keys: Any) -> None:
        super().__init__("http://unused.invalid")
        self.published = list(keys)
        self.fetches = 0
        self.away = False

    async def _download(self) -> KeySet:
        self.fetches += 1
        if self.away:
            raise TimeoutError
        return KeySet.import_key_set({"keys": [key.as_dict(private=False) for key in self.published]})


class Published(TokenVerifier):
    """A verifier whose key source is a list in memory."""

    def __init__(self, *keys: Any) -> None:
        super().__init__("http://unused.invalid", ISSUER, "platform")
        self._keys = self.source = Listed(*keys)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time())
    good = {
        "iss": ISSUER,
        "aud": "platform",
        "sub": "demo",
        "tid": "acme",
        "client_id": "demo",
        "scope": "metadata.read metadata.write",
        "kind": "application",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def token(key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(
        {"alg": "RS256", "typ": "at+jwt", "kid": "one", **(header or {})},
        claims(**changes),
        key,
        algorithms=["RS256", "ES256"],
    )


def encoded(part: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


async def test_a_good_token_gives_its_principal() -> None:
    principal = await Published(KEY).verify(token())
    assert (principal.subject, principal.tenant, principal.kind) == ("demo", "acme", "application")
    assert principal.may("metadata.write")
    assert not principal.may("metadata")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["another"]},
        {"exp": int(time()) - 60},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int(time()) + 120},
        {"iat": int(time()) + 120},
        {"sub": None},
        {"sub": ""},
        {"tid": None},
        {"tid": 7},
        {"kind": "root"},
    ],
)
async def test_a_token_with_wrong_claims_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        await Published(KEY).verify(token(**changes))


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "..", "é.é.é", token()[:-10], token() + "x"])
async def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthorized):
        await Published(KEY).verify(text)


async def test_a_token_of_another_key_under_the_same_id_is_refused() -> None:
    with pytest.raises(Unauthorized):
        await Published(KEY).verify(token(OTHER))


async def test_an_id_token_is_no_access_token() -> None:
    with pytest.raises(Unauthorized):
        await Published(KEY).verify(token(header={"typ": "JWT"}))


async def test_a_symmetric_signature_with_the_public_key_is_refused() -> None:
    signed = f"{encoded({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'one'})}.{encoded(claims())}"
    signature = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    forged = f"{signed}.{urlsafe_b64encode(signature).decode().rstrip('=')}"
    with pytest.raises(Unauthorized):
        await Published(KEY).verify(forged)


async def test_an_unsigned_token_is_refused() -> None:
    unsigned = f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': 'one'})}.{encoded(claims())}."
    with pytest.raises(Unauthorized):
        await Published(KEY).verify(unsigned)


async def test_keys_are_fetched_once_for_many_tokens() -> None:
    verifier = Published(KEY)
    for _ in range(5):
        await verifier.verify(token())
    assert verifier.source.fetches == 1


async def test_an_unknown_key_is_fetched_once_and_then_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.auth.published_keys.REFETCH_AFTER_S", 0)
    verifier = Published(KEY)
    await verifier.verify(token())
    verifier.source.published.append(LATER)
    later = token(LATER, {"alg": "ES256", "kid": "two"})
    assert (await verifier.verify(later)).subject == "demo"
    assert verifier.source.fetches == 2


async def test_tokens_of_unknown_keys_do_not_make_us_fetch_each_time() -> None:
    verifier = Published(KEY)
    for _ in range(5):
        with pytest.raises(Unauthorized):
            await verifier.verify(token(LATER, {"alg": "ES256", "kid": "two"}))
    assert verifier.source.fetches == 1


async def test_a_header_that_names_a_key_id_twice_is_refused() -> None:
    _, payload, signature = token().split(".")
    header = urlsafe_b64encode(b'{"alg":"RS256","typ":"at+jwt","kid":"two","kid":"one"}').decode().rstrip("=")
    with pytest.raises(Unauthorized):
        await Published(KEY).verify(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk"])
async def test_a_header_that_says_where_its_key_is_is_refused_even_when_well_signed(name: str) -> None:
    with pytest.raises(Unauthorized):
        await Published(KEY).verify(token(header={name: OTHER.as_dict() if name == "jwk" else "https://evil.example"}))


def last_looked(verifier: "Published", seconds_ago: float) -> None:
    verifier.source._fetched_at = verifier.source._tried_at = monotonic() - seconds_ago


async def test_a_key_that_is_no_longer_published_is_refused_after_seconds() -> None:
    verifier = Published(KEY, LATER)
    await verifier.verify(token())
    verifier.source.published.remove(KEY)
    last_looked(verifier, 1.5 * KEYS_FRESH_FOR_S)
    await verifier.verify(token())  # answered with the keys at hand, and new ones fetched behind it
    await asyncio.sleep(0)
    with pytest.raises(Unauthorized):
        await verifier.verify(token())


async def test_after_a_pause_the_first_token_waits_for_the_keys_of_now() -> None:
    verifier = Published(KEY, LATER)
    await verifier.verify(token())
    verifier.source.published.remove(KEY)
    last_looked(verifier, 3 * KEYS_FRESH_FOR_S)
    with pytest.raises(Unauthorized):
        await verifier.verify(token())


async def test_the_keys_at_hand_go_on_while_identity_is_away() -> None:
    verifier = Published(KEY)
    await verifier.verify(token())
    verifier.source.away = True
    for _ in range(3):
        last_looked(verifier, 3 * KEYS_FRESH_FOR_S)
        assert (await verifier.verify(token())).tenant == "acme"


async def test_the_keys_at_hand_go_on_when_identity_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.auth.published_keys.KEYS_WAITED_FOR_S", 0)
    verifier = Published(KEY)
    await verifier.verify(token())
    async with verifier.source._fetching:
        last_looked(verifier, 3 * KEYS_FRESH_FOR_S)
        assert (await verifier.verify(token())).tenant == "acme"


async def test_without_any_key_a_token_can_not_be_checked() -> None:
    verifier = Published(KEY)
    verifier.source.away = True
    with pytest.raises(DependencyUnavailable):
        await verifier.verify(token())
