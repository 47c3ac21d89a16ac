"""The edge's own errors as RFC 9457 problem details, in place of Envoy's plain-text bodies."""

from collections.abc import Iterable
from dataclasses import dataclass

from functions.gateway.envoy.resource import Resource, extension

TRACE_ID_HEADER = "x-platform-trace-id"
"""Set by the listener for every request that has a span; a request refused before that has none."""
PROBLEM_JSON = "application/problem+json"


@dataclass(frozen=True)
class EdgeProblem:
    """One status that the edge itself answers with; `detail` may use Envoy's command operators."""

    status: int
    code: str
    title: str
    detail: str


PROBLEMS = (
    EdgeProblem(400, "bad-request", "The request is not valid", "The edge could not accept the request as sent."),
    EdgeProblem(401, "unauthorized", "A valid access token is needed", "%LOCAL_REPLY_BODY%"),
    EdgeProblem(403, "forbidden", "The token does not allow this", "The token lacks the scope of this route."),
    EdgeProblem(404, "not-found", "Not found", "Nothing is routed at this path."),
    EdgeProblem(405, "method-not-allowed", "Method not allowed", "The path is routed, but not with this method."),
    EdgeProblem(408, "request-timeout", "The request took too long to arrive", "Send the whole request faster."),
    EdgeProblem(413, "payload-too-large", "The request is too large", "The body is larger than this route takes."),
    EdgeProblem(414, "path-too-long", "The path is too long", "Send a shorter path or query."),
    EdgeProblem(426, "upgrade-required", "HTTP/1.1 or HTTP/2 is needed", "This version of HTTP is not served."),
    EdgeProblem(429, "too-many-requests", "Too many requests", "The rate limit of this client is used up."),
    EdgeProblem(
        431,
        "headers-too-large",
        "The request headers are too large",
        "Send fewer or shorter request headers.",
    ),
    EdgeProblem(500, "internal", "The request failed", "The edge failed to carry the request out."),
    EdgeProblem(502, "bad-gateway", "The service gave no valid answer", "The service's answer could not be read."),
    EdgeProblem(503, "unavailable", "The service is unavailable", "The service can't be reached now; try again."),
    EdgeProblem(504, "timeout", "The service did not answer in time", "The time limit of this route has passed."),
)

_FIELDS = {403: ("www-authenticate", 'Bearer error="insufficient_scope"'), 503: ("retry-after", "1")}
"""What the answer says besides: how a token would have to be (RFC 6750 section 3), when to try again."""
_NOT_FOR_US = EdgeProblem(401, "unauthorized", "A valid access token is needed", "%LOCAL_REPLY_BODY%")
_NO_UPGRADE = EdgeProblem(
    400,
    "bad-request",
    "The request is not valid",
    "The path takes no such upgrade, or its address is of https and this connection is not.",
)

_OTHER = EdgeProblem(0, "error", "The request could not be carried out", "The edge refused or failed the request.")


def local_reply_config() -> Resource:
    """How Envoy writes the answers that it makes itself; answers of services pass unchanged."""
    return {
        "mappers": [*_not_for_scopes(), *(_mapper(problem) for problem in PROBLEMS)],
        "body_format": {"json_format": _body(_OTHER), "content_type": PROBLEM_JSON},
    }


def _not_for_scopes() -> Iterable[Resource]:
    """What Envoy answers 403 to as well, though no scope is missing.

    A token for somebody else is no valid token here: 401 (RFC 6750 section 3.1).
    """
    yield _instead_of_403('response.code_details.startsWith("jwt_authn_access_denied")', _NOT_FOR_US)
    misread = ("upgrade_failed", "http1.https_url_on_plaintext_connection")
    yield _instead_of_403(" || ".join(f'response.code_details == "{details}"' for details in misread), _NO_UPGRADE)


def _instead_of_403(expression: str, problem: EdgeProblem) -> Resource:
    matched = extension(
        "envoy.access_loggers.extension_filters.cel",
        "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
        expression=expression,
    )
    return {
        **_mapper(problem),
        "filter": {"and_filter": {"filters": [_answered(403), {"extension_filter": matched}]}},
        "status_code": problem.status,
    }


def _mapper(problem: EdgeProblem) -> Resource:
    mapped: Resource = {
        "filter": _answered(problem.status),
        "body_format_override": {"json_format": _body(problem), "content_type": PROBLEM_JSON},
    }
    if problem.status in _FIELDS:
        key, value = _FIELDS[problem.status]
        mapped["headers_to_add"] = [{"header": {"key": key, "value": value}, "append_action": "ADD_IF_ABSENT"}]
    return mapped


def _answered(status: int) -> Resource:
    value = {"default_value": status, "runtime_key": "edge.none"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _body(problem: EdgeProblem) -> Resource:
    return {
        "type": f"urn:problem:gateway:{problem.code}",
        "title": problem.title,
        "status": problem.status or "%RESPONSE_CODE%",
        "detail": problem.detail,
        "traceId": f"%REQ({TRACE_ID_HEADER})%",
    }
