"""One moment's keys, ready for use: the private one that signs and the public ones that check."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any

from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey

from functions.identity.keys.ring import Algorithm, RingKey

KEY_BITS = 2048
SigningKey = RSAKey | ECKey


@dataclass(frozen=True)
class SigningKeys:
    """The signing key and the public keys that are published, the signing one's first."""

    current: SigningKey = field(repr=False)
    published: Sequence[SigningKey]

    @property
    def algorithm(self) -> str:
        """The `alg` of the tokens that are made now."""
        return str(self.current.get("alg"))

    def jwks(self) -> dict[str, Any]:
        """The public JWK set (RFC 7517)."""
        return {"keys": [key.as_dict(private=False) for key in self.published]}

    def key_set(self) -> KeySet:
        """The keys by which one of our own tokens may be checked."""
        return KeySet(list(self.published))


def new_key(algorithm: Algorithm, now: datetime) -> tuple[RingKey, dict[str, Any]]:
    """A key in the state `next`, and its private JWK. Takes up to a second for RSA."""
    kid = f"{now:%Y%m%d}-{token_hex(8)}"
    labels: KeyParameters = {"kid": kid, "use": "sig", "alg": algorithm}
    key: SigningKey
    if algorithm == "RS256":
        key = RSAKey.generate_key(KEY_BITS, labels, private=True)
    else:
        key = ECKey.generate_key("P-256", labels, private=True)
    public = dict(key.as_dict(private=False))
    record = RingKey(kid=kid, algorithm=algorithm, state="next", since=now, created_at=now, public=public)
    return record, dict(key.as_dict(private=True))


def imported(jwk: dict[str, Any]) -> SigningKey:
    """A key from its JWK, private or public. Raises ValueError or a JoseError."""
    return RSAKey.import_key(jwk) if jwk.get("kty") == "RSA" else ECKey.import_key(jwk)
