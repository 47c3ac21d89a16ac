"""The key as its owner holds it: `plk_<id>_<secret>`. Stored is the id and a digest of the secret."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

_FORM = re.compile(r"plk_([0-9a-f]{32})_([A-Za-z0-9\-]{43})")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
_LENGTH = 43  # of 63 signs: 256 bits and more


@dataclass(frozen=True)
class ApiKeySecret:
    """An API key in clear. Its digest needs no salt and no slow hash: nobody guesses 256 random bits."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls, id: str) -> "ApiKeySecret":
        """A key with this id (32 hex digits) and a new random secret."""
        return cls(id, "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)))

    @classmethod
    def parse(cls, text: str) -> "ApiKeySecret | None":
        """None when the text does not have the form of a key."""
        found = _FORM.fullmatch(text)
        return cls(found[1], found[2]) if found else None

    @property
    def text(self) -> str:
        """What goes into the header `x-api-key`."""
        return f"plk_{self.id}_{self.secret}"

    @property
    def digest(self) -> str:
        """What is stored: SHA-256, in hex digits."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def matches(self, digest: str) -> bool:
        """Whether this is the key of a stored digest; takes the same time whatever differs."""
        return hmac.compare_digest(self.digest, digest)
