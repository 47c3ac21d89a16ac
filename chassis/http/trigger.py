"""FastAPI over an HTTP trigger: the Functions request goes in over ASGI, the answer comes back."""

from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import azure.functions as func
from fastapi import FastAPI

from chassis.errors import InvalidInput
from chassis.http.methods import METHODS
from chassis.http.problems import problem_response

__all__ = ["METHODS", "HttpFront", "durable_client"]

_durable_client: ContextVar[object | None] = ContextVar("platform_durable_client", default=None)


class HttpFront:
    """Hands the requests of an HTTP trigger to an application."""

    def __init__(self, app: FastAPI) -> None:
        self._asgi: Any = func.AsgiMiddleware(app)  # type: ignore[no-untyped-call]

    async def handle(
        self, req: func.HttpRequest, context: func.Context, durable_client: object | None = None
    ) -> func.HttpResponse:
        """The application's answer. A durable client, where given, is at hand through `durable_client()`."""
        if not _is_text(req.url):
            return _path_refused()
        token = _durable_client.set(durable_client)
        try:
            response: func.HttpResponse = await self._asgi.handle_async(req, context)
            return response
        finally:
            _durable_client.reset(token)


def _is_text(url: str) -> bool:
    """Whether the path is UTF-8; the middleware decodes it strictly and would fail the whole invocation."""
    try:
        unquote_to_bytes(urlsplit(url).path).decode()
    except ValueError:
        return False
    return True


def _path_refused() -> func.HttpResponse:
    answer = problem_response(InvalidInput("the path is not percent-encoded UTF-8"))
    return func.HttpResponse(bytes(answer.body), status_code=answer.status_code, mimetype=answer.media_type)


def durable_client() -> object:
    """The durable client that the trigger was given. Raises RuntimeError when there is none."""
    client = _durable_client.get()
    if client is None:
        raise RuntimeError("the HTTP trigger has no durable client input")
    return client
