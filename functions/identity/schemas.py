"""Identity's contracts: the clients file, and OAuth's messages in the names that the RFCs give them."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from chassis.models import Contract

SCOPE = r"^[\x21\x23-\x5B\x5D-\x7E]+$"
"""RFC 6749 section 3.3: the characters of one scope token."""


Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._\-]+$")]
"""A client's or tenant's id."""
NAME = re.compile(r"[A-Za-z0-9._\-]{1,128}")
"""The same, for what is only looked up: another text is nobody's, and is neither looked for nor counted anywhere."""

Grant = Literal["client_credentials", "authorization_code", "refresh_token", "token_exchange"]


class FederatedCredential(Contract):
    """Whose assertion stands in place of a secret: `iss`, `sub` and `aud` of the other issuer's token, all exact."""

    issuer: str = Field(pattern=r"^https?://[^\s?#]+$", max_length=512)
    subject: str = Field(min_length=1, max_length=512)
    audience: str = Field(min_length=1, max_length=512)


class Client(Contract):
    """Who a client is, what it may ask for, and how it proves itself.

    `jwk` is a public EC P-256 key (private_key_jwt), `secret_hash` an argon2 hash, `federated` the other issuers whose
    tokens count as its own proof. A `public` client has none of these: it can't keep a secret, and gets no token of its
    own, only ones that speak for a user.
    """

    client_id: Name
    tenant: Name
    kind: Literal["service", "application"]
    scopes: frozenset[str]
    jwk: dict[str, Any] | None = None
    secret_hash: str | None = Field(default=None, pattern=r"^\$argon2id?\$", repr=False)
    former_secret_hash: str | None = Field(default=None, pattern=r"^\$argon2id?\$", repr=False)
    former_secret_ends_at: datetime | None = None
    federated: tuple[FederatedCredential, ...] = Field(default=(), max_length=20)
    public: bool = False
    grants: frozenset[Grant] = frozenset({"client_credentials"})
    redirect_uris: tuple[str, ...] = Field(default=(), max_length=20)
    disabled: bool = False

    def secret_hashes(self, now: float) -> tuple[str, ...]:
        """The hashes of the secrets that are good at this moment (seconds since 1970): two while one is replaced."""
        former = self.former_secret_hash
        ends_at = self.former_secret_ends_at
        overlapping = former is not None and ends_at is not None and now < ends_at.timestamp()
        found = (self.secret_hash, former if overlapping else None)
        return tuple(secret_hash for secret_hash in found if secret_hash is not None)

    @field_validator("jwk")
    @classmethod
    def _public_p256(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is None:
            return None
        if value.get("kty") != "EC" or value.get("crv") != "P-256":
            raise ValueError("jwk is an EC P-256 key")
        if "d" in value:
            raise ValueError("jwk is the public key; a private key does not belong here")
        return value

    @model_validator(mode="after")
    def _can_prove_itself(self) -> Self:
        proofs = self.jwk is not None or self.secret_hash is not None or bool(self.federated)
        if proofs == self.public:
            raise ValueError(f"{self.client_id}: give a jwk, a secretHash or federated; or public: true and none")
        if self.public and "client_credentials" in self.grants:
            raise ValueError(f"{self.client_id}: a public client gets no token of its own")
        return self


GRANT_TYPES: dict[str, Grant] = {
    "client_credentials": "client_credentials",
    "authorization_code": "authorization_code",
    "refresh_token": "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange": "token_exchange",
}
"""`grant_type` on the wire → its name in a client's `grants`."""


class OAuthMessage(BaseModel):
    """A message of an OAuth RFC: frozen, with the RFC's own member names."""

    model_config = ConfigDict(frozen=True)


class TokenResponse(OAuthMessage):
    """RFC 6749 section 5.1; `expires_in` in seconds."""

    access_token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a type, not a token
    expires_in: int
    scope: str
    issued_token_type: str | None = None
    refresh_token: str | None = Field(default=None, repr=False)
    id_token: str | None = Field(default=None, repr=False)


class ErrorResponse(OAuthMessage):
    """RFC 6749 section 5.2."""

    error: str
    error_description: str


class Introspection(OAuthMessage):
    """RFC 7662 section 2.2; only `active: false` for a token that is not good or not the caller's to see."""

    active: bool
    scope: str | None = None
    client_id: str | None = None
    token_type: str | None = None
    exp: int | None = None
    iat: int | None = None
    nbf: int | None = None
    sub: str | None = None
    aud: str | None = None
    iss: str | None = None
    jti: str | None = None
    tid: str | None = None
    kind: str | None = None


class ServerMetadata(OAuthMessage):
    """RFC 8414 section 2, also served as the OpenID Connect discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    introspection_endpoint: str
    revocation_endpoint: str
    scopes_supported: list[str]
    grant_types_supported: list[str] = list(GRANT_TYPES)
    response_types_supported: list[str] = ["code"]
    response_modes_supported: list[str] = ["query"]
    code_challenge_methods_supported: list[str] = ["S256"]
    authorization_response_iss_parameter_supported: bool = True
    request_parameter_supported: bool = False
    request_uri_parameter_supported: bool = False
    """OpenID Connect Discovery takes it for true where it is left out."""
    subject_types_supported: list[str] = ["public"]
    id_token_signing_alg_values_supported: list[str] = ["RS256", "ES256"]
    token_endpoint_auth_methods_supported: list[str] = [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none",
    ]
    token_endpoint_auth_signing_alg_values_supported: list[str] = ["ES256"]
    introspection_endpoint_auth_methods_supported: list[str] = [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    ]
    introspection_endpoint_auth_signing_alg_values_supported: list[str] = ["ES256"]
    revocation_endpoint_auth_methods_supported: list[str] = [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none",
    ]
    revocation_endpoint_auth_signing_alg_values_supported: list[str] = ["ES256"]
