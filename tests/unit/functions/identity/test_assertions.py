import base64
import hmac
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from functions.identity.assertions import check_assertion, claimed_client
from functions.identity.errors import InvalidClient
from tests.unit.functions.identity.parts import ISSUER, NOW, application, assertion, service_client, service_key

CLIENTS = {client.client_id: client for client in (service_client(), application())}


def check(text: str) -> Any:
    client = CLIENTS.get(claimed_client(text))
    if client is None:
        raise InvalidClient
    return check_assertion(text, client, {ISSUER, f"{ISSUER}/oauth2/token"}, NOW)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_good_assertion_gives_its_client_and_what_is_needed_to_use_it_once() -> None:
    checked = check(assertion(jti="one"))
    assert (checked.client.client_id, checked.jti, checked.expires_at) == ("svc-workflow", "one", int(NOW) + 60)


def test_the_mark_of_its_use_outlives_an_assertion_that_ends_within_a_second() -> None:
    assert check(assertion(exp=NOW + 60.25)).expires_at == int(NOW) + 61


@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/oauth2/token", [ISSUER]])
def test_the_issuer_and_the_token_endpoint_are_both_a_good_audience(audience: Any) -> None:
    assert check(assertion(aud=audience)).client.kind == "service"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other"},
        {"aud": None},
        {"aud": []},
        {"aud": {"a": 1}},
        {"aud": ["https://other", ISSUER]},
        {"aud": f"{ISSUER}/"},
        {"sub": "svc-audit"},
        {"sub": None},
        {"iss": "svc-audit"},
        {"iss": "demo", "sub": "demo"},
        {"iss": None},
        {"iss": 7},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 129},
        {"jti": "\N{GRINNING FACE}"},
        {"jti": "a\nb"},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"nbf": float("nan")},
        {"iat": float("nan")},
        {"exp": int(NOW) - 31},
        {"exp": int(NOW) + 331},
        {"nbf": int(NOW) + 31},
        {"iat": int(NOW) + 31},
        {"iat": "now"},
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidClient):
        check(assertion(**claims))


def test_another_key_is_refused() -> None:
    with pytest.raises(InvalidClient):
        check(assertion(key=ECKey.generate_key("P-256", private=True)))


def test_another_algorithm_is_refused() -> None:
    with pytest.raises(InvalidClient):
        check(assertion(key=RSAKey.generate_key(2048), header={"alg": "RS256"}))


def test_the_public_key_is_no_shared_secret() -> None:
    _, payload, _ = assertion().split(".")
    header = encoded(b'{"alg":"HS256"}')
    signed = f"{header}.{payload}"
    signature = hmac.digest(service_key().as_pem(private=False), signed.encode(), "sha256")
    with pytest.raises(InvalidClient):
        check(f"{signed}.{encoded(signature)}")


def test_an_unsigned_assertion_is_refused() -> None:
    _, payload, _ = assertion().split(".")
    with pytest.raises(InvalidClient):
        check(f"eyJhbGciOiJub25lIn0.{payload}.")


def test_a_key_brought_along_in_the_header_is_not_used() -> None:
    own = ECKey.generate_key("P-256", private=True)
    header = {"alg": "ES256", "jwk": own.as_dict(private=False)}
    with pytest.raises(InvalidClient):
        check(assertion(key=own, header=header))


@pytest.mark.parametrize(
    "payload", [b"[" * 9000, b'{"iss":' * 2000, b'{"iss":"\\ud800"}', b"\xff", b"7", b'{"iss":["demo"]}']
)
def test_a_payload_that_is_no_claims_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidClient):
        check(".".join(map(encoded, (b'{"alg":"ES256"}', payload, b"x" * 64))))


@settings(deadline=None)
@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}"))
def test_whatever_is_sent_in_place_of_an_assertion_is_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(InvalidClient):
        check(text)
