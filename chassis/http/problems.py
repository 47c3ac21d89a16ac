"""Every failure as an RFC 9457 problem details body."""

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from opentelemetry import trace
from starlette.exceptions import HTTPException

from chassis.errors import (
    DependencyUnavailable,
    InvalidInput,
    PlatformError,
    ScopeMissing,
    TokenMissing,
    Unauthorized,
)
from chassis.http.methods import methods_of

log = logging.getLogger(__name__)
PROBLEM = "application/problem+json"


class ProblemResponse(JSONResponse):
    """A problem details body; what a client sent can be part of it, also text that is no Unicode."""

    media_type = PROBLEM

    def render(self, content: Any) -> bytes:
        """The body in UTF-8, with a question mark for each half of a surrogate pair."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def trace_id() -> str | None:
    """The present trace's id as 32 hex digits; None when nothing is traced."""
    span = trace.get_current_span().get_span_context()
    return f"{span.trace_id:032x}" if span.is_valid else None


def problem_response(error: PlatformError) -> Response:
    """The answer to a request that failed with this error."""
    headers: dict[str, str] = {}
    if challenge := _challenge(error):
        headers["WWW-Authenticate"] = challenge
    if error.http_status == 429 or isinstance(error, DependencyUnavailable):
        headers["Retry-After"] = "1"
    return ProblemResponse(error.problem(trace_id()), error.http_status, headers=headers)


def _challenge(error: PlatformError) -> str | None:
    """What RFC 6750 section 3 tells a client of its token; nothing is said to be wrong with one that was not sent."""
    if isinstance(error, Unauthorized) and not isinstance(error, TokenMissing):
        return 'Bearer error="invalid_token"'
    if error.http_status == 401:
        return "Bearer"
    return f'Bearer error="insufficient_scope", scope="{error.scope}"' if isinstance(error, ScopeMissing) else None


def unexpected_response(error: Exception) -> Response:
    """The answer to a request that failed in a way nobody foresaw: logged here, not shown to the caller."""
    log.error("unhandled %s", type(error).__name__, exc_info=error)
    return problem_response(PlatformError("the request failed on our side; the trace id leads to the cause"))


def add_problem_handlers(app: FastAPI) -> None:
    """Answer the framework's own errors in the same form."""
    app.add_exception_handler(PlatformError, _platform_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)


async def _platform_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, PlatformError)  # noqa: S101 - registered for this class only
    return problem_response(error)


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - likewise
    mistakes = [{"field": _pointer(e["loc"]), "reason": e["msg"]} for e in error.errors()]
    summary = "; ".join(f"{m['field']}: {m['reason']}" for m in mistakes[:3])
    return problem_response(InvalidInput(summary, errors=mistakes[:100]))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - likewise
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": str(error.detail),
        "status": error.status_code,
        "traceId": trace_id(),
    }
    headers = dict(error.headers or {})
    if error.status_code == 405:
        # The framework names the methods of one route alone, and a path may have several.
        headers["Allow"] = ", ".join(methods_of(request))
    return ProblemResponse(body, error.status_code, headers=headers)


def _pointer(location: tuple[int | str, ...]) -> str:
    return "/" + "/".join(str(part) for part in location)
