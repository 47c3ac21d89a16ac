"""OAuth errors as RFC 6749 section 5.2 writes them: a code of the standard's and plain words, never a secret."""

from math import ceil
from typing import ClassVar

from chassis.errors import Conflict, Forbidden, InvalidInput, NotFound, PlatformError, PreconditionFailed, Unprocessable


class OAuthError(PlatformError):
    """A refused token, introspection or revocation request; `oauth_error` is the body's `error` member."""

    code, status, title = "identity.invalid-request", 400, "The request is not valid"
    oauth_error: ClassVar[str] = "invalid_request"


class InvalidClient(OAuthError):
    """Client authentication failed. One wording for every cause, so that nothing can be learned from it."""

    code, status, title = "identity.invalid-client", 401, "Client authentication failed"
    oauth_error = "invalid_client"


class LockedOut(InvalidClient):
    """Too many failures: not tried now, whatever was sent. `retry_after_s` is how long to wait."""

    code, status, title = "identity.locked-out", 429, "Too many failed attempts; wait"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__()
        self.retry_after_s = ceil(retry_after_s)


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
    """The code or refresh token is not good, or not this client's."""

    code, title = "identity.invalid-grant", "The grant is not valid"
    oauth_error = "invalid_grant"


class InvalidSubject(OAuthError):
    """RFC 8693 section 2.2.2: the subject token is not good or not acceptable, which is `invalid_request` there."""

    code, title = "identity.invalid-subject", "The subject token is not valid"


class InvalidTarget(OAuthError):
    """RFC 8693 section 2.2.2: a token for another audience than this platform."""

    code, title = "identity.invalid-target", "No token is issued for this audience"
    oauth_error = "invalid_target"


class RoleNotFound(NotFound):
    """The tenant has no such role."""

    code, title = "identity.role-not-found", "No such role"


class TenantNotFound(NotFound):
    """Nobody can sign in to such a tenant."""

    code, title = "identity.tenant-not-found", "No such tenant"


class AssignmentNotFound(NotFound):
    """The tenant has no such assignment."""

    code, title = "identity.assignment-not-found", "No such assignment"


class ClientNotFound(NotFound):
    """The tenant has no such client."""

    code, title = "identity.client-not-found", "No such client"


class ETagMismatch(PreconditionFailed):
    """If-Match names another version than the present one."""

    code = "identity.etag-mismatch"


class BuiltInRole(Conflict):
    """Built-in roles follow the services' routes."""

    code, title = "identity.built-in-role", "A built-in role can't be changed"


class RoleInUse(Conflict):
    """Somebody holds the role."""

    code, title = "identity.role-in-use", "The role is assigned"


class TooManyAssignments(Conflict):
    """The tenant has as many assignments as are looked through for a token."""

    code, title = "identity.too-many-assignments", "The tenant has too many assignments"


class SecretShown(Conflict):
    """The request that made the present secret came again: a secret is shown once."""

    code, title = "identity.secret-shown", "The secret was shown already"


class NoSecret(Conflict):
    """The client proves itself by other means."""

    code, title = "identity.no-secret", "The client has no secret"


class UnknownScope(Unprocessable):
    """No route asks for the scope, or only services and operators may have it."""

    code, title = "identity.unknown-scope", "No such scope to grant"


class ClientUnusable(Unprocessable):
    """The client as asked for could not prove itself, or not use its grants."""

    code, title = "identity.client-unusable", "The client could not be used like this"


class CannotGrant(Forbidden):
    """Nobody gives others more than he has himself."""

    code, title = "identity.cannot-grant", "You can't grant what you don't have"


class BadPageToken(InvalidInput):
    """`after` is not a token that an earlier page gave."""

    code, title = "identity.bad-page-token", "The page token is not valid"
