"""JWT access tokens by RFC 9068: made here, and read again for introspection and revocation."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import time
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import JoseError

from chassis.auth.jose_header import read_header
from chassis.context import PrincipalKind
from functions.identity.keys.signing import SigningKeys
from functions.identity.schemas import Client

LIFETIME = timedelta(minutes=15)
"""Short, because edge and services check tokens by themselves and don't see the revocation list."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of the JWT header
ALGORITHMS = ["RS256", "ES256"]
LEEWAY_S = 30


@dataclass(frozen=True)
class Holder:
    """Whom an access token speaks for, through which client; `actor` is who asked for it in the holder's place."""

    subject: str
    tenant: str
    kind: PrincipalKind
    client_id: str
    actor: str | None = None
    roles: tuple[str, ...] = ()
    session: str | None = None

    def claims(self) -> dict[str, Any]:
        """Their claims (RFC 9068 sections 2.2 and 2.2.3.1, `act` of RFC 8693 section 4.1)."""
        named = {"sub": self.subject, "tid": self.tenant, "kind": self.kind, "client_id": self.client_id}
        return (
            named
            | ({"act": {"sub": self.actor}} if self.actor else {})
            | ({"roles": list(self.roles)} if self.roles else {})
            | ({"sid": self.session} if self.session else {})
        )


def itself(client: Client, roles: tuple[str, ...] = ()) -> Holder:
    """The holder of a token that a client gets for itself."""
    return Holder(client.client_id, client.tenant, client.kind, client.client_id, roles=roles)


@dataclass(frozen=True)
class IssuedToken:
    """A new access token; `expires_at` in seconds since 1970."""

    value: str
    jti: str
    scope: str
    expires_at: int
    lifetime_s: int


@dataclass(frozen=True)
class AccessTokens:
    """Makes and reads the access tokens of one issuer for one audience."""

    issuer: str
    audience: str
    keys: SigningKeys
    now: Callable[[], float] = time

    def issue(self, holder: Holder, scope: str, lifetime: timedelta = LIFETIME) -> IssuedToken:
        """A signed token (RFC 9068 section 2.2)."""
        issued_at, lifetime_s = int(self.now()), int(lifetime.total_seconds())
        expires_at, jti = issued_at + lifetime_s, uuid4().hex
        claims = {
            "iss": self.issuer,
            **holder.claims(),
            "aud": self.audience,
            "scope": scope,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": expires_at,
            "jti": jti,
        }
        value = self.sign(TOKEN_TYPE, claims)
        return IssuedToken(value, jti, scope, expires_at, lifetime_s)

    def sign(self, kind: str, claims: dict[str, Any]) -> str:
        """A JWT of any type (`typ`), with the key that signs now."""
        header = {"alg": self.keys.algorithm, "typ": kind, "kid": self.keys.current.kid}
        return jwt.encode(header, claims, self.keys.current, algorithms=ALGORITHMS)

    def read(self, token: str, kind: str = TOKEN_TYPE) -> dict[str, Any] | None:
        """The claims of a token of our own of this type; None when it is not, was altered, or has expired."""
        try:
            read_header(token)
            decoded = jwt.decode(token, self.keys.key_set(), algorithms=ALGORITHMS)
        except (JoseError, ValueError, KeyError, TypeError):
            return None
        claims = decoded.claims
        if decoded.header.get("typ") != kind or claims.get("iss") != self.issuer:
            return None
        return claims if claims.get("exp", 0) > self.now() - LEEWAY_S else None
