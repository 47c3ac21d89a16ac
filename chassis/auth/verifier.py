"""Access tokens: checked against identity's published keys (RFC 9068, RFC 8725)."""

from time import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.auth.jose_header import read_header
from chassis.auth.numeric_date import begins_after, is_numeric_date
from chassis.auth.published_keys import PublishedKeys
from chassis.context import Principal
from chassis.errors import Unauthorized

ALGORITHMS = ["RS256", "ES256"]
LEEWAY_S = 30
MAX_CHARACTERS = 16_384
"""Ours have about a thousand; what is longer is not worth the work of checking it."""
TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})


class TokenVerifier:
    """Checks signature, type, issuer, audience and times of a token against identity's published keys."""

    def __init__(self, jwks_url: str, issuer: str, audience: str) -> None:
        self._keys = PublishedKeys(jwks_url)
        self._issuer = issuer
        self._audience = audience

    async def verify(self, token: str) -> Principal:
        """The principal of a good token.

        Raises Unauthorized, or DependencyUnavailable when no key was ever fetched and identity can't be reached.
        """
        if len(token) > MAX_CHARACTERS:
            raise Unauthorized("the access token is too long")
        key_id = _key_id(token)
        keys = await self._keys.present()
        if key_id not in _ids(keys):
            keys = await self._keys.fetched_anew()
        if key_id not in _ids(keys):
            raise Unauthorized("the token is signed with a key that identity does not publish")
        return _principal(self._decode(token, keys))

    def _decode(self, token: str, keys: KeySet) -> dict[str, Any]:
        try:
            decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError, KeyError, TypeError):
            raise Unauthorized("the access token is not valid") from None
        if str(decoded.header.get("typ", "")).lower() not in TOKEN_TYPES:
            raise Unauthorized("the token is not an access token")
        return _checked_claims(decoded.claims, self._issuer, self._audience)


def _key_id(token: str) -> str:
    """The `kid` of the token's header, read before any signature is checked: it only chooses among known keys."""
    try:
        return str(read_header(token)["kid"])
    except (ValueError, KeyError):
        raise Unauthorized("the access token is not valid") from None


def _ids(keys: KeySet) -> set[str]:
    return {str(key.kid) for key in keys.keys}


def _checked_claims(claims: dict[str, Any], issuer: str, audience: str) -> dict[str, Any]:
    now = time()
    audiences = claims.get("aud")
    if claims.get("iss") != issuer:
        raise Unauthorized("the token is from another issuer")
    if audience not in (audiences if isinstance(audiences, list) else [audiences]):
        raise Unauthorized("the token is for another audience")
    if not is_numeric_date(claims.get("exp")) or claims["exp"] < now - LEEWAY_S:
        raise Unauthorized("the token has expired")
    if begins_after(claims, now + LEEWAY_S):
        raise Unauthorized("the token is not valid yet")
    return claims


def _principal(claims: dict[str, Any]) -> Principal:
    subject, tenant, kind = claims.get("sub"), claims.get("tid"), claims.get("kind", "application")
    if not isinstance(subject, str) or not isinstance(tenant, str) or not subject or not tenant:
        raise Unauthorized("the token names no subject or tenant")
    if kind not in {"service", "application", "user"}:
        raise Unauthorized("the token is of an unknown kind")
    return Principal(
        subject=subject,
        tenant=tenant,
        scopes=frozenset(str(claims.get("scope", "")).split()),
        kind=kind,
        client_id=str(claims.get("client_id", subject)),
    )
