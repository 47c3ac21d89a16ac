"""JWT access tokens by RFC 9068: made here, and read again for introspection and revocation."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import time
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import JoseError

from functions.identity.keys import SigningKeys
from functions.identity.schemas import Client

LIFETIME = timedelta(minutes=15)
"""Short, because edge and services check tokens by themselves and don't see the revocation list."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of the JWT header
ALGORITHM = "RS256"
LEEWAY_S = 30


@dataclass(frozen=True)
class IssuedToken:
    """A new access token; `expires_at` in seconds since 1970."""

    value: str
    jti: str
    scope: str
    expires_at: int


@dataclass(frozen=True)
class AccessTokens:
    """Makes and reads the access tokens of one issuer for one audience."""

    issuer: str
    audience: str
    keys: SigningKeys
    now: Callable[[], float] = time

    def issue(self, client: Client, scope: str) -> IssuedToken:
        """A signed token for the client itself (RFC 9068 section 2.2)."""
        issued_at = int(self.now())
        expires_at, jti = issued_at + int(LIFETIME.total_seconds()), uuid4().hex
        claims = {
            "iss": self.issuer,
            "sub": client.client_id,
            "client_id": client.client_id,
            "aud": self.audience,
            "tid": client.tenant,
            "scope": scope,
            "kind": client.kind,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": expires_at,
            "jti": jti,
        }
        header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": self.keys.current.kid}
        value = jwt.encode(header, claims, self.keys.current, algorithms=[ALGORITHM])
        return IssuedToken(value, jti, scope, expires_at)

    def read(self, token: str) -> dict[str, Any] | None:
        """The claims of one of our own tokens; None when it is not ours, altered, of another type or expired."""
        try:
            decoded = jwt.decode(token, self.keys.key_set(), algorithms=[ALGORITHM])
        except (JoseError, ValueError, KeyError, TypeError):
            return None
        claims = decoded.claims
        if decoded.header.get("typ") != TOKEN_TYPE or claims.get("iss") != self.issuer:
            return None
        return claims if claims.get("exp", 0) > self.now() - LEEWAY_S else None
