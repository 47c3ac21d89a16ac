"""OAuth errors as RFC 6749 section 5.2 writes them: a code of the standard's and plain words, never a secret."""

from typing import ClassVar

from chassis.errors import PlatformError


class OAuthError(PlatformError):
    """A refused token, introspection or revocation request; `oauth_error` is the body's `error` member."""

    code, status, title = "identity.invalid-request", 400, "The request is not valid"
    oauth_error: ClassVar[str] = "invalid_request"


class InvalidClient(OAuthError):
    """Client authentication failed. One wording for every cause, so that nothing can be learned from it."""

    code, status, title = "identity.invalid-client", 401, "Client authentication failed"
    oauth_error = "invalid_client"


class UnauthorizedClient(OAuthError):
    """The client is who it says, but may not do this."""

    code, title = "identity.unauthorized-client", "The client may not do this"
    oauth_error = "unauthorized_client"


class UnsupportedGrantType(OAuthError):
    """A grant type that this server does not know."""

    code, title = "identity.unsupported-grant-type", "This grant type is not supported"
    oauth_error = "unsupported_grant_type"


class InvalidScope(OAuthError):
    """A scope that is malformed or not the client's."""

    code, title = "identity.invalid-scope", "The client may not have this scope"
    oauth_error = "invalid_scope"


class InvalidGrant(OAuthError):
    """The code, refresh token or subject token is not good, or not this client's."""

    code, title = "identity.invalid-grant", "The grant is not valid"
    oauth_error = "invalid_grant"


class InvalidTarget(OAuthError):
    """RFC 8693 section 2.2.2: a token for another audience than this platform."""

    code, title = "identity.invalid-target", "No token is issued for this audience"
    oauth_error = "invalid_target"
