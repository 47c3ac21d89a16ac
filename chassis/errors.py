"""Typed errors, each with a stable code, an HTTP status and whether a retry can help (RFC 9457)."""

from typing import Any, ClassVar


class PlatformError(Exception):
    """The base of every error that a caller may see.

    `detail` is for the caller: plain words, no secret, no stack trace. `extensions` become further members of the
    problem details body; their keys are camelCase.
    """

    code: ClassVar[str] = "platform.error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "The request could not be carried out"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str = "", **extensions: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extensions = extensions

    @property
    def http_status(self) -> int:
        """The status of the answer; a remote error answers with the remote one's."""
        return self.status

    @property
    def problem_type(self) -> str:
        """The stable `type` member: `urn:problem:<service>:<code>`."""
        return "urn:problem:" + self.code.replace(".", ":")

    def problem(self, trace_id: str | None = None) -> dict[str, Any]:
        """The RFC 9457 body: type, title, status, detail, traceId, then the extensions."""
        body: dict[str, Any] = {
            "type": self.problem_type,
            "title": self.title,
            "status": self.http_status,
            "detail": self.detail,
        }
        if trace_id:
            body["traceId"] = trace_id
        return {**self.extensions, **body}


class InvalidInput(PlatformError):
    """What was sent can't be read, or is not of the agreed form."""

    code, status, title = "platform.invalid-input", 400, "The request is not valid"


class Unauthorized(PlatformError):
    """No token, or one that is not accepted."""

    code, status, title = "platform.unauthorized", 401, "A valid access token is needed"


class TokenMissing(Unauthorized):
    """No bearer token was sent at all."""


class Forbidden(PlatformError):
    """The token is good; what it may do does not include this."""

    code, status, title = "platform.forbidden", 403, "The token does not allow this"


class ScopeMissing(Forbidden):
    """The token is good, and does not carry the scope that is needed here."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"the scope {scope} is needed")
        self.scope = scope


class NotFound(PlatformError):
    """There is no such thing, or it belongs to another tenant."""

    code, status, title = "platform.not-found", 404, "Not found"


class Conflict(PlatformError):
    """The request contradicts what is there."""

    code, status, title = "platform.conflict", 409, "The request conflicts with the present state"


class PreconditionFailed(PlatformError):
    """The If-Match of the request is not the present ETag."""

    code, status, title = "platform.precondition-failed", 412, "The resource has changed since it was read"


class PayloadTooLarge(PlatformError):
    """More bytes or items than the route takes."""

    code, status, title = "platform.payload-too-large", 413, "The request is too large"


class Unprocessable(PlatformError):
    """Well-formed, but it can't be done as asked."""

    code, status, title = "platform.unprocessable", 422, "The request can't be carried out as it is"


class TooManyRequests(PlatformError):
    """Over the caller's limit."""

    code, status, title, retryable = "platform.too-many-requests", 429, "Too many requests", True


class DependencyUnavailable(PlatformError):
    """Something this service needs is not there; the same request may succeed later."""

    code, status, title, retryable = (
        "platform.dependency-unavailable",
        503,
        "A dependency is unavailable",
        True,
    )


class DeadlineExceeded(PlatformError):
    """The caller's time was used up before the answer was there."""

    code, status, title, retryable = "platform.deadline-exceeded", 504, "The deadline has passed", True


RETRYABLE_STATUSES = frozenset({408, 429, 502, 503, 504})
"""Statuses after which the same idempotent request may succeed (RFC 9110 section 15, RFC 6585)."""


class RemoteError(PlatformError):
    """Another service refused or failed; keeps its status and its problem body."""

    code, title = "platform.remote-error", "Another service refused the request"

    def __init__(self, service: str, status: int, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"{service} answered {status}"))
        self.service = service
        self.remote_status = status
        self.remote_problem = problem
        self.extensions = {
            key: value
            for key, value in problem.items()
            if key not in {"type", "title", "status", "detail", "traceId", "instance"}
        }

    @property
    def http_status(self) -> int:
        """A remote 4xx is the caller's own mistake seen further on; a remote 5xx is a bad gateway."""
        return self.remote_status if 400 <= self.remote_status < 500 else 502

    @property
    def problem_type(self) -> str:
        """The remote problem's own type, so that it stays stable over hops."""
        return str(self.remote_problem.get("type") or super().problem_type)

    @property
    def can_retry(self) -> bool:
        """Whether the same idempotent request may succeed later."""
        return self.remote_status in RETRYABLE_STATUSES


def can_retry(error: Exception) -> bool:
    """Whether trying the same idempotent work again may help."""
    if isinstance(error, RemoteError):
        return error.can_retry
    return isinstance(error, PlatformError) and error.retryable
