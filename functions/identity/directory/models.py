"""The contracts of roles, assignments and clients."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import Field, field_serializer, field_validator, model_validator

from chassis.models import Contract, example
from functions.identity.schemas import Client, FederatedCredential, Grant

RoleName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9\-]*$")]
Scope = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z\-]+$", max_length=64)]
PrincipalType = Literal["user", "group", "application", "app-role"]
MOST_BYTES = 56 * 1024
"""Of a client's JSON in UTF-16, as tables store it, and 64 KiB at most; the rest is for what identity adds."""
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_REDIRECT = re.compile(
    r"https?://([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?([/?][A-Za-z0-9\-._~:/?\[\]@!$&'()+,;=%]*)?"
)
"""RFC 3986, without user and fragment: what no two readers can take for two different addresses."""


class RoleChange(Contract):
    """What a role lets its holders do."""

    model_config = example(scopes=["metadata.read"], description="Reads schemas")

    # A scope named twice is a scope: nothing is refused that a set would forget.
    scopes: frozenset[Scope] = Field(min_length=1, max_length=100, json_schema_extra={"uniqueItems": False})
    description: str = Field(default="", max_length=500)


class Role(Contract):
    """A named set of scopes; built-in ones follow the services' routes and can't be changed."""

    name: RoleName
    scopes: frozenset[Scope]
    description: str = ""
    built_in: bool = False

    @field_serializer("scopes")
    def _sorted(self, scopes: frozenset[str]) -> list[str]:
        return sorted(scopes)


class RolePage(Contract):
    """Some of a tenant's roles; `next` is None on the last page."""

    items: list[Role]
    next: str | None = None


class AssignedTo(Contract):
    """Who holds a role. Ids: a user's or group's object id, a client's id, or the value of an Entra app role."""

    type: PrincipalType
    id: str = Field(min_length=1, max_length=256)


class AssignmentOrder(Contract):
    """The request for an assignment."""

    model_config = example(role="reader", principal={"type": "application", "id": "nightly"})

    role: RoleName
    principal: AssignedTo


class Assignment(Contract):
    """One role, held by one principal."""

    id: str
    role: RoleName
    principal: AssignedTo
    created_at: datetime
    created_by: str


class AssignmentPage(Contract):
    """Some of a tenant's assignments."""

    items: list[Assignment]
    next: str | None = None


class AdministratorPage(Contract):
    """All administrators of a tenant."""

    items: list[Assignment]


class ClientChange(Contract):
    """What of a client may be changed later."""

    name: str = Field(min_length=1, max_length=128)
    # A scope or grant named twice is one: nothing is refused that a set would forget.
    scopes: frozenset[Scope] = Field(default=frozenset(), max_length=100, json_schema_extra={"uniqueItems": False})
    grants: frozenset[Grant] = Field(
        default=frozenset({"client_credentials"}), json_schema_extra={"uniqueItems": False}
    )
    redirect_uris: tuple[Annotated[str, Field(max_length=512)], ...] = Field(default=(), max_length=20)
    federated: tuple[FederatedCredential, ...] = Field(default=(), max_length=20)
    jwk: dict[str, Any] | None = None

    @field_validator("redirect_uris")
    @classmethod
    def _exact_and_safe(cls, uris: tuple[str, ...]) -> tuple[str, ...]:
        for uri in uris:
            url = urlsplit(uri)
            local = url.scheme == "http" and url.hostname in _LOOPBACK
            if not (url.scheme == "https" or local) or not _REDIRECT.fullmatch(uri) or url.port == 0:
                raise ValueError("a redirect URI is https (or http on a loopback address), whole, without fragment")
        return uris

    @field_validator("jwk")
    @classmethod
    def _a_key_to_check_by(cls, jwk: dict[str, Any] | None) -> dict[str, Any] | None:
        if jwk is not None and "d" not in jwk:
            try:
                key = ECKey.import_key(jwk)
                key.check_use("sig")
                key.check_alg("ES256")
                key.get_op_key("verify")
            except (JoseError, ValueError, KeyError, TypeError):
                raise ValueError("jwk is a public EC P-256 key that may verify") from None
        return jwk

    @model_validator(mode="after")
    def _redirects_where_needed(self) -> Self:
        if ("authorization_code" in self.grants) != bool(self.redirect_uris):
            raise ValueError("redirectUris go with the grant authorization_code")
        return self

    @model_validator(mode="after")
    def _fits_in_a_row(self) -> Self:
        if len(self.model_dump_json().encode("utf-16-le")) > MOST_BYTES:
            raise ValueError("all of it together is too much: name fewer or shorter credentials")
        return self


class ClientOrder(ClientChange):
    """The request for a new client. Its proof is a secret (made here, shown once), a key, other issuers, or none."""

    model_config = example(name="nightly", scopes=["metadata.read"])

    authentication: Literal["secret", "key", "federated", "public"] = "secret"

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        given = {"key": self.jwk is not None, "federated": bool(self.federated)}
        if any(there != (self.authentication == proof) for proof, there in given.items()):
            raise ValueError("jwk goes with authentication key, federated with authentication federated")
        return self


class ClientView(Contract):
    """A client as its tenant sees it; never its secret or a hash."""

    client_id: str
    name: str
    scopes: list[str]
    grants: list[Grant]
    authentication: Literal["secret", "key", "federated", "public"]
    redirect_uris: tuple[str, ...]
    federated: tuple[FederatedCredential, ...]
    disabled: bool
    created_at: datetime
    created_by: str


class NewClient(ClientView):
    """The answer that creates a client; `client_secret` is shown here and never again."""

    client_secret: str | None = Field(default=None, repr=False)


class ClientPage(Contract):
    """Some of a tenant's clients."""

    items: list[ClientView]
    next: str | None = None


class SecretOrder(Contract):
    """How long the old secret stays good beside the new one, in seconds."""

    overlap_seconds: int = Field(default=0, ge=0, le=604_800)


class NewSecret(Contract):
    """A client's new secret, shown once."""

    client_id: str
    client_secret: str = Field(repr=False)
    former_secret_ends_at: datetime | None


class RegisteredClient(Contract):
    """What is stored of a client."""

    client: Client
    name: str
    created_at: datetime
    created_by: str
    fingerprint: str
    secret_order: str | None = None
    """Fingerprint of the Idempotency-Key by which the present secret was made."""
