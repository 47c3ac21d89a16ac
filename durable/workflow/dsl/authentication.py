"""Authentication policies: basic, bearer, digest, OAuth 2.0, OpenID Connect; inline, by secret, or by name."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from durable.workflow.dsl.base import DslModel, OpenModel
from durable.workflow.dsl.texts import Uri, UriTemplate


class BySecret(DslModel):
    """Takes the scheme's properties from a secret of `use.secrets`."""

    use: Annotated[str, Field(min_length=1)]


class UserPassword(DslModel):
    """A user and a password (basic and digest)."""

    username: str
    password: str


class Token(DslModel):
    """A bearer token."""

    token: str


class OAuth2Token(DslModel):
    """A security token and its type (RFC 8693)."""

    token: str
    type: str


class OAuth2Client(DslModel):
    """The client that asks for a token, and how it proves itself."""

    id: str | None = None
    secret: str | None = None
    assertion: str | None = None
    authentication: Literal[
        "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"
    ] = "client_secret_post"


class OAuth2Request(OpenModel):
    """How the token request is encoded."""

    encoding: Literal["application/x-www-form-urlencoded", "application/json"] = "application/x-www-form-urlencoded"


class OpenIdConnect(DslModel):
    """How to get a token; with OpenID Connect the authority's discovery document names the endpoints."""

    authority: Uri | None = None
    grant: Literal[
        "authorization_code",
        "client_credentials",
        "password",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ] | None = None  # fmt: skip
    client: OAuth2Client | None = None
    request: OAuth2Request | None = None
    issuers: list[str] | None = None
    scopes: list[str] | None = None
    audiences: list[str] | None = None
    username: str | None = None
    password: str | None = None
    subject: OAuth2Token | None = None
    actor: OAuth2Token | None = None


class OAuth2Endpoints(OpenModel):
    """The authority's endpoints, below its address."""

    token: UriTemplate = "/oauth2/token"  # noqa: S105 - a path
    revocation: UriTemplate = "/oauth2/revoke"
    introspection: UriTemplate = "/oauth2/introspect"


class OAuth2(OpenIdConnect):
    """How to get a token from an OAuth 2.0 authority."""

    endpoints: OAuth2Endpoints | None = None


def _inline_or_secret(value: Any) -> str:
    named = "use" in value if isinstance(value, dict) else isinstance(value, BySecret)
    return "by:secret" if named else "inline"


_EITHER = Discriminator(_inline_or_secret)
_SECRET = Annotated[BySecret, Tag("by:secret")]
UserPasswordOrSecret = Annotated[Annotated[UserPassword, Tag("inline")] | _SECRET, _EITHER]
TokenOrSecret = Annotated[Annotated[Token, Tag("inline")] | _SECRET, _EITHER]
OAuth2OrSecret = Annotated[Annotated[OAuth2, Tag("inline")] | _SECRET, _EITHER]
OpenIdConnectOrSecret = Annotated[Annotated[OpenIdConnect, Tag("inline")] | _SECRET, _EITHER]

SCHEMES = ("basic", "bearer", "digest", "oauth2", "oidc")


class _Schemes(DslModel):
    basic: UserPasswordOrSecret | None = None
    bearer: TokenOrSecret | None = None
    digest: UserPasswordOrSecret | None = None
    oauth2: OAuth2OrSecret | None = None
    oidc: OpenIdConnectOrSecret | None = None


def _exactly_one(policy: _Schemes, names: tuple[str, ...]) -> None:
    if len(policy.model_fields_set.intersection(names)) != 1:
        raise ValueError(f"an authentication has exactly one of {', '.join(names)}")


class AuthenticationPolicy(_Schemes):
    """One scheme of `use.authentications`: exactly one of the five is set."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def _one_scheme(self) -> Self:
        _exactly_one(self, SCHEMES)
        return self


class AuthenticationOrName(_Schemes):
    """A scheme, or in `use` the name of one in `use.authentications`: exactly one of the six is set."""

    use: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_scheme(self) -> Self:
        _exactly_one(self, (*SCHEMES, "use"))
        return self
