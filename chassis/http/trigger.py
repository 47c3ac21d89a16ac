"""FastAPI over an HTTP trigger: the Functions request goes in over ASGI, the answer comes back."""

from contextvars import ContextVar
from typing import Any

import azure.functions as func
from fastapi import FastAPI

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""What a catch-all trigger accepts; the application answers 405 where it must."""

_durable_client: ContextVar[object | None] = ContextVar("platform_durable_client", default=None)


class HttpFront:
    """Hands the requests of an HTTP trigger to an application."""

    def __init__(self, app: FastAPI) -> None:
        self._asgi: Any = func.AsgiMiddleware(app)  # type: ignore[no-untyped-call]

    async def handle(
        self, req: func.HttpRequest, context: func.Context, durable_client: object | None = None
    ) -> func.HttpResponse:
        """The application's answer. A durable client, where given, is at hand through `durable_client()`."""
        token = _durable_client.set(durable_client)
        try:
            response: func.HttpResponse = await self._asgi.handle_async(req, context)
            return response
        finally:
            _durable_client.reset(token)


def durable_client() -> object:
    """The durable client that the trigger was given. Raises RuntimeError when there is none."""
    client = _durable_client.get()
    if client is None:
        raise RuntimeError("the HTTP trigger has no durable client input")
    return client
