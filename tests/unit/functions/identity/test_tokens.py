from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import extract_compact

from functions.identity.keys.signing import SigningKeys
from functions.identity.tokens import LIFETIME, AccessTokens, itself
from tests.unit.functions.identity.parts import ISSUER, NOW, application, signing_keys


def tokens(now: float = NOW) -> AccessTokens:
    return AccessTokens(ISSUER, "platform", signing_keys(), lambda: now)


def test_a_token_has_the_header_and_claims_of_rfc_9068() -> None:
    issued = tokens().issue(itself(application()), "metadata.read")
    assert extract_compact(issued.value.encode()).headers() == {"alg": "RS256", "typ": "at+jwt", "kid": "k1"}
    ends_at = int(NOW) + int(LIFETIME.total_seconds())
    assert tokens().read(issued.value) == {
        "iss": ISSUER,
        "sub": "demo",
        "client_id": "demo",
        "aud": "platform",
        "tid": "acme",
        "scope": "metadata.read",
        "kind": "application",
        "iat": int(NOW),
        "nbf": int(NOW),
        "exp": ends_at,
        "jti": issued.jti,
    }
    assert issued.expires_at == ends_at


def test_no_two_tokens_have_one_id() -> None:
    assert len({tokens().issue(itself(application()), "").jti for _ in range(5)}) == 5


def test_an_expired_token_is_not_read() -> None:
    issued = tokens().issue(itself(application()), "metadata.read")
    assert tokens(issued.expires_at + 31).read(issued.value) is None


def test_another_issuers_token_is_not_read_even_with_our_key() -> None:
    other = AccessTokens("https://other", "platform", signing_keys(), lambda: NOW)
    assert tokens().read(other.issue(itself(application()), "").value) is None


def test_a_token_of_another_key_or_type_is_not_read() -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256"}, private=True)
    forged = AccessTokens(ISSUER, "platform", SigningKeys(stranger, [stranger]), lambda: NOW)
    assert tokens().read(forged.issue(itself(application()), "").value) is None
    claims = {"iss": ISSUER, "exp": NOW + 60}
    id_token = jwt.encode({"alg": "RS256", "typ": "JWT", "kid": "k1"}, claims, signing_keys().current)
    assert tokens().read(id_token) is None


def test_what_is_no_token_is_not_read() -> None:
    for text in ("", "a.b.c", "é", "x" * 5000, "...."):
        assert tokens().read(text) is None
