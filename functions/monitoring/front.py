"""One address, two answers: `GET /monitoring/metrics` is this service's own metrics for a Prometheus scraper, which
sends no token or asks for text, and the platform's latest values for everyone else.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

SHARED_PATH = "/monitoring/metrics"
QUERY_PATH = "/monitoring/metrics/query"
SCRAPED = (b"text/plain", b"openmetrics")


class MetricsByCaller:
    """ASGI middleware that leads callers with a token to the query."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event of the ASGI server."""
        if scope["type"] == "http" and scope["path"] == SHARED_PATH and is_query(dict(scope["headers"])):
            scope = {**scope, "path": QUERY_PATH, "raw_path": QUERY_PATH.encode()}
        await self._app(scope, receive, send)


def is_query(headers: dict[bytes, bytes]) -> bool:
    """Whether the caller wants the platform's values rather than the scraper's text. Names are in lower case."""
    wants_text = any(kind in headers.get(b"accept", b"") for kind in SCRAPED)
    return b"authorization" in headers and not wants_text
