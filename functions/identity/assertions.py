"""Client assertions (RFC 7523, private_key_jwt): a signed, short, once-only proof of who asks."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from math import ceil
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jws import extract_compact

from chassis.auth.jose_header import read_header
from chassis.auth.numeric_date import begins_after, is_numeric_date
from functions.identity.errors import InvalidClient
from functions.identity.schemas import Client

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHM = "ES256"
MAX_LIFETIME_S = 300
LEEWAY_S = 30
JTI = re.compile(r"[ -~]{1,128}")
"""It becomes the key of a row."""


@dataclass(frozen=True)
class CheckedAssertion:
    """An assertion that is good but for one thing: whether its `jti` was used before. Times: seconds since 1970."""

    client: Client
    jti: str
    expires_at: int


def check_assertion(assertion: str, client: Client, audiences: Collection[str], now: float) -> CheckedAssertion:
    """Check everything that needs no store. Raises InvalidClient, the same for every cause."""
    if client.jwk is None:
        raise InvalidClient
    try:
        read_header(assertion)
        decoded = jwt.decode(assertion, ECKey.import_key(client.jwk), algorithms=[ALGORITHM])
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        raise InvalidClient from None
    claims = decoded.claims
    if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
        raise InvalidClient
    if not _meant_for_us(claims.get("aud"), audiences):
        raise InvalidClient
    return CheckedAssertion(client, _jti(claims), _expiry(claims, now))


def claimed_client(assertion: str) -> str:
    """The client that an assertion says it is from, unchecked. Raises InvalidClient when it can't be read."""
    try:
        claims = json.loads(extract_compact(assertion.encode("ascii")).payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise InvalidClient from None
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    if not isinstance(issuer, str):
        raise InvalidClient
    return issuer


def _meant_for_us(audience: Any, accepted: Collection[str]) -> bool:
    # All of them: what is also meant for another server, that server could send on to us (draft rfc7523bis).
    named = audience if isinstance(audience, list) else [audience]
    return bool(named) and all(isinstance(one, str) and one in accepted for one in named)


def _jti(claims: dict[str, Any]) -> str:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not JTI.fullmatch(jti):
        raise InvalidClient
    return jti


def _expiry(claims: dict[str, Any], now: float) -> int:
    expires_at: Any = claims.get("exp")
    if not is_numeric_date(expires_at) or not now - LEEWAY_S < expires_at <= now + MAX_LIFETIME_S + LEEWAY_S:
        raise InvalidClient
    if begins_after(claims, now + LEEWAY_S):
        raise InvalidClient
    # Up, not down: the mark of its use must not go before it does.
    return ceil(float(expires_at))
