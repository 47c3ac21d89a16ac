"""The methods of HTTP that a path has."""

from fastapi import Request
from starlette.routing import Match

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""What a catch-all trigger accepts; the application answers 405 where it must."""


def methods_of(request: Request) -> list[str]:
    """Those that the application takes at the path of a request, by all of its routes together."""
    routes = request.app.router.routes
    return [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
