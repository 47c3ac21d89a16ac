"""The attack table for access tokens: one row an attack, each at the edge and again straight at a service.

Every row is refused at both with 401 (431 for a header that is too long), and its token is good but for the
one thing that the row is about (`a good token` proves it). Attacks on the token and authorization endpoints are in
test_client_attacks.py, test_grant_attacks.py and test_exchange_attacks.py.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.integration.identity.conftest import Browser, Running, answered

MINUTE = 60
OWN = RSAKey.generate_key(2048, {"use": "sig"}, private=True)
"""The attacker's own key."""


@dataclass
class Forge:
    """Makes tokens with identity's real key, as nobody outside could, so that a row can be wrong in one thing only."""

    running: Running

    def __post_init__(self) -> None:
        published = self.running.ask("GET", "/identity/.well-known/jwks.json").json()["keys"]
        self.public = published[0]
        self.kid = self.public["kid"]
        file = self.running.state / "signing" / f"{self.kid}.jwk"
        jwk = json.loads(file.read_text())
        self.key = RSAKey.import_key({name: value for name, value in jwk.items() if name not in ("alg", "use")})

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time())
        told = {
            "iss": f"{self.running.edge}/identity",
            "aud": "platform",
            "sub": "demo",
            "client_id": "demo",
            "tid": "demo",
            "kind": "application",
            "scope": "metadata.read metadata.write identity.read identity.write",
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": uuid4().hex,
        }
        return {name: value for name, value in {**told, **changes}.items() if value is not None}

    def header(self, **changes: Any) -> dict[str, Any]:
        told = {"alg": "RS256", "typ": "at+jwt", "kid": self.kid, **changes}
        return {name: value for name, value in told.items() if value is not None}

    def token(self, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        head = self.header(**(header or {}))
        return jwt.encode(head, self.claims(**claims), key or self.key, algorithms=[head["alg"]])

    def raw(self, header: bytes, secret: bytes | None = None) -> str:
        """A token with exactly this header, signed by HMAC or not at all."""
        signed = f"{_part(header)}.{_part(json.dumps(self.claims()).encode())}"
        signature = hmac.digest(secret, signed.encode(), "sha256") if secret is not None else b""
        return f"{signed}.{_part(signature)}"

    def with_header(self, header: bytes) -> str:
        """A well-signed token with exactly this header."""
        signed = f"{_part(header)}.{_part(json.dumps(self.claims()).encode())}"
        return f"{signed}.{_part(_rs256(self.key, signed.encode()))}"

    def tampered(self, **changes: Any) -> str:
        header, _, signature = self.token().split(".")
        return f"{header}.{_part(json.dumps(self.claims(**changes)).encode())}.{signature}"


def _part(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _rs256(key: RSAKey, signed: bytes) -> bytes:
    return bytes(key.private_key.sign(signed, PKCS1v15(), SHA256()))


def _json(**header: Any) -> bytes:
    return json.dumps(header).encode()


def _ahead(seconds: int) -> dict[str, Any]:
    """The times of a token made by a clock that is so far ahead (or behind, below zero)."""
    now = int(time()) + seconds
    return {"iat": now, "nbf": now, "exp": now + 240}


ATTACKS: dict[str, Callable[[Forge], str]] = {
    "alg none": lambda f: f.raw(_json(alg="none", typ="at+jwt", kid=f.kid)),
    "alg None, in another case": lambda f: f.raw(_json(alg="NoNe", typ="at+jwt", kid=f.kid)),
    "no alg": lambda f: f.raw(_json(typ="at+jwt", kid=f.kid)),
    "no signature": lambda f: f.token().rpartition(".")[0] + ".",
    "two parts": lambda f: f.token().rpartition(".")[0],
    "HS256 with the public key in PEM": lambda f: f.raw(
        _json(alg="HS256", typ="at+jwt", kid=f.kid), f.key.as_pem(private=False)
    ),
    "HS256 with the public key as JWK": lambda f: f.raw(
        _json(alg="HS256", typ="at+jwt", kid=f.kid), json.dumps(f.public).encode()
    ),
    "HS256 with the public modulus": lambda f: f.raw(
        _json(alg="HS256", typ="at+jwt", kid=f.kid), urlsafe_b64decode(f.public["n"] + "==")
    ),
    "HS256 with nothing": lambda f: f.raw(_json(alg="HS256", typ="at+jwt", kid=f.kid), b""),
    "another key under a known kid": lambda f: f.token(OWN),
    "ES256 under an RSA kid": lambda f: f.token(ECKey.generate_key("P-256"), {"alg": "ES256"}),
    "RS512": lambda f: f.token(header={"alg": "RS512"}),
    "unknown kid": lambda f: f.token(OWN, {"kid": "unknown"}),
    "kid that is a path": lambda f: f.token(OWN, {"kid": "../../../dev/null"}),
    "kid twice, the known one last": lambda f: f.raw(
        f'{{"alg":"HS256","typ":"at+jwt","kid":"x","kid":"{f.kid}"}}'.encode(), b"x"
    ),
    "kid twice, well signed": lambda f: f.with_header(
        f'{{"alg":"RS256","typ":"at+jwt","kid":"other","kid":"{f.kid}"}}'.encode()
    ),
    "alg twice": lambda f: f.raw(f'{{"alg":"RS256","alg":"none","typ":"at+jwt","kid":"{f.kid}"}}'.encode()),
    "jku to the attacker's keys": lambda f: f.token(OWN, {"jku": f"{f.running.issuer.url}/keys"}),
    "x5u to the attacker's certificate": lambda f: f.token(OWN, {"x5u": f"{f.running.issuer.url}/keys"}),
    "jwk in the header": lambda f: f.token(OWN, {"jwk": OWN.as_dict(private=False)}),
    "jwk in the header, without kid": lambda f: f.token(OWN, {"jwk": OWN.as_dict(private=False), "kid": None}),
    "wrong iss": lambda f: f.token(iss="https://evil.example/identity"),
    "iss with a slash more": lambda f: f.token(iss=f"{f.running.edge}/identity/"),
    "no iss": lambda f: f.token(iss=None),
    "wrong aud": lambda f: f.token(aud="another"),
    "aud that only begins right": lambda f: f.token(aud="platform-admin"),
    "no aud": lambda f: f.token(aud=None),
    "no tid": lambda f: f.token(tid=None),
    "tid that is no text": lambda f: f.token(tid=["demo", "rival"]),
    "empty tid": lambda f: f.token(tid=""),
    "no sub": lambda f: f.token(sub=None),
    "unknown kind": lambda f: f.token(kind="root"),
    "expired a minute ago": lambda f: f.token(exp=int(time()) - MINUTE),
    "no exp": lambda f: f.token(exp=None),
    "exp that is no number": lambda f: f.token(exp="never"),
    "not yet valid": lambda f: f.token(nbf=int(time()) + 2 * MINUTE),
    "a clock 5 minutes ahead": lambda f: f.token(**_ahead(5 * MINUTE)),
    "a clock 5 minutes behind": lambda f: f.token(**_ahead(-5 * MINUTE)),
    "scope added to a signed token": lambda f: f.tampered(scope="metadata.read audit.read"),
    "tid changed in a signed token": lambda f: f.tampered(tid="rival"),
    "an id token": lambda f: f.token(header={"typ": "JWT"}),
    "a sign-in's ticket": lambda f: f.token(header={"typ": "login+jwt"}, aud="urn:platform:login"),
    "not a token": lambda f: "Bearer",
    "a token of 60,000 characters": lambda f: f.token(padding="x" * 44_000),
}

TOO_LARGE = {"a token of 60,000 characters"}


@pytest.fixture(scope="module")
def forge(running: Running) -> Forge:
    return Forge(running)


@pytest.fixture(params=["at the edge", "straight at the service"])
def base(request: pytest.FixtureRequest, running: Running) -> str:
    return running.edge if request.param == "at the edge" else running.url("metadata")


def test_a_good_token_passes(running: Running, forge: Forge, base: str) -> None:
    assert running.ask("GET", "/metadata/schemas", forge.token(), base=base).status_code == 200


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_forged_token_passes(running: Running, forge: Forge, base: str, attack: str) -> None:
    answer = running.ask("GET", "/metadata/schemas", ATTACKS[attack](forge), base=base)
    assert answer.status_code == (431 if attack in TOO_LARGE else 401), answer.text


def test_a_token_for_another_audience_is_told_to_be_invalid(running: Running, forge: Forge) -> None:
    answer = running.ask("GET", "/metadata/schemas", forge.token(aud="another"), base=running.edge)
    (challenge,) = answer.headers.get_list("www-authenticate")
    assert challenge.startswith("Bearer ")
    assert challenge.endswith('error="invalid_token"')
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["type"]) == (401, "urn:problem:gateway:unauthorized")


def test_the_attackers_keys_were_never_asked_for(running: Running, forge: Forge, base: str) -> None:
    before = len(running.issuer.asked)
    for attack in ("jku to the attacker's keys", "x5u to the attacker's certificate"):
        running.ask("GET", "/metadata/schemas", ATTACKS[attack](forge), base=base)
    assert len(running.issuer.asked) == before


def test_a_good_token_without_the_scope_is_stopped(running: Running, forge: Forge, base: str) -> None:
    answer = running.ask("GET", "/metadata/schemas", forge.token(scope="audit.read"), base=base)
    assert answer.status_code == 403


def test_a_scope_is_a_whole_word(running: Running, forge: Forge, base: str) -> None:
    for scope in ("metadata.readall", "xmetadata.read", "METADATA.READ", "metadata", "*"):
        assert running.ask("GET", "/metadata/schemas", forge.token(scope=scope), base=base).status_code == 403


def test_no_header_makes_a_caller_another_tenant(running: Running, forge: Forge, base: str) -> None:
    name = f"secret-{uuid4().hex[:8]}"
    made = running.ask("PUT", f"/metadata/schemas/{name}", forge.token(), json={"type": "object"}, base=base)
    assert made.status_code == 201
    rival = forge.token(tid="rival", sub="spy", client_id="spy")
    headers = {"x-platform-tenant": "demo", "X-Platform-Subject": "demo", "x-platform-user": "demo"}
    path = f"/metadata/schemas/{name}/versions/latest"
    assert running.ask("GET", path, forge.token(), base=base).status_code == 200
    assert running.ask("GET", path, rival, headers=headers, base=base).status_code == 404


def test_a_service_that_calls_what_it_may_not_is_stopped_by_the_callee_too(running: Running, base: str) -> None:
    token = running.service_token("gateway")
    answer = running.ask("GET", "/metadata/schemas", token, headers={"x-platform-tenant": "demo"}, base=base)
    assert answer.status_code == 403


@pytest.mark.parametrize("door", ["at the edge", "straight at identity"])
def test_no_id_of_another_tenant_leads_anywhere(running: Running, forge: Forge, door: str) -> None:
    base = running.edge if door == "at the edge" else running.url("identity")
    mine = running.token()
    order = {"name": "mine", "scopes": ["metadata.read"]}
    client = running.ask("POST", "/identity/clients", mine, json=order, base=base).json()["clientId"]
    assigned = {"role": "reader", "principal": {"type": "user", "id": uuid4().hex}}
    assignment = running.ask("POST", "/identity/assignments", mine, json=assigned, base=base).json()["id"]
    spy = forge.token(tid="rival", sub="spy", client_id="spy")
    for method, path in (
        ("GET", f"/identity/clients/{client}"),
        ("DELETE", f"/identity/clients/{client}"),
        ("POST", f"/identity/clients/{client}/secret"),
        ("POST", f"/identity/clients/{client}/disable"),
        ("GET", f"/identity/assignments/{assignment}"),
        ("DELETE", f"/identity/assignments/{assignment}"),
    ):
        answer = running.ask(method, path, spy, headers={"x-platform-tenant": "demo"}, base=base)
        assert answer.status_code == 404, (method, path, answer.text)
    assert running.ask("GET", f"/identity/clients/{client}", mine, base=base).status_code == 200
    assert client not in running.ask("GET", "/identity/clients", spy, base=base).text


def test_a_real_id_token_and_a_real_ticket_are_no_access_tokens(running: Running, browser: Browser, base: str) -> None:
    page = browser.authorize()
    ticket = page.text.split('name="ticket" value="')[1].split('"')[0]
    tokens = browser.redeem(answered(browser.submit(page))["code"]).json()
    for token in (ticket, tokens["id_token"], tokens["refresh_token"]):
        assert running.ask("GET", "/metadata/schemas", token, base=base).status_code in (401, 403)
