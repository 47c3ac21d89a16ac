"""The HTTP trigger: an ASGI request in, an invocation, an ASGI response out."""

import contextlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from azure.functions import HttpResponse

from funchost.bindings.ports import BindingData
from funchost.context import Context, TraceContext
from funchost.errors import InvocationError
from funchost.function import BoundFunction
from funchost.http.keys import AccessKeys
from funchost.http.request import (
    BodyTooLarge,
    ClientGone,
    Receive,
    Scope,
    build_request,
    read_body,
    read_headers,
    read_query,
)
from funchost.http.response import Send, encode_response, send_response, send_status
from funchost.invoker import Invoker
from funchost.signature import RETURN

DEFAULT_BODY_LIMIT_BYTES = 104_857_600  # the official host's default of FUNCTIONS_REQUEST_BODY_SIZE_LIMIT
log = logging.getLogger("Host.Http")
_NO_DATA: dict[str, Any] = {}


class HttpTrigger:
    """Answers requests to one function.

    Success is logged at debug level only: two lines per request would cost as much as the request.
    """

    def __init__(
        self, function: BoundFunction, invoker: Invoker, keys: AccessKeys | None, body_limit_bytes: int
    ) -> None:
        self.function = function
        self._invoker = invoker
        self._keys = keys
        self._limit_bytes = body_limit_bytes
        self._level = function.definition.trigger.text("authLevel", "function").lower()
        self._is_open = self._level == "anonymous"
        self._needs_data = function.has_bindings

    async def answer(self, scope: Scope, receive: Receive, send: Send, route: dict[str, str]) -> None:
        """Run the function and send its response; 401 without the key, 413 over the limit, 500 when it fails."""
        headers = read_headers(scope)
        query = read_query(scope)
        if not self._is_open and not self._is_allowed(headers, query):
            await send_status(send, 401)
            return
        try:
            body = await read_body(receive, self._limit_bytes)
        except BodyTooLarge:
            await send_status(send, 413)
            return
        except ClientGone:
            return
        request = build_request(scope, headers, query, route, body)
        data = _binding_data(headers, query, route, body) if self._needs_data else _NO_DATA
        trace = TraceContext(headers.get("traceparent"), headers.get("tracestate"))
        context = self.function.new_context(trace)
        try:
            result = await self._execute(request, data, context)
        except Exception:  # noqa: BLE001 (the trigger's edge; the invoker has logged it)
            await send_status(send, 500)
            return
        if result is None and self.function.http_output != RETURN:
            result = HttpResponse() if self.function.http_output else HttpResponse(status_code=204)
        try:
            status, response_headers, content = encode_response(result)
        except (InvocationError, UnicodeError) as error:  # not a response, or a header beyond Latin-1
            log.error("Function %s [%s] failed: %s", self.function.name, context.invocation_id, error)
            await send_status(send, 500)
            return
        await send_response(send, status, response_headers, content)

    async def _execute(self, request: Any, data: BindingData, context: Context) -> Any:
        return await self._invoker.execute(self.function, request, data, context, level=logging.DEBUG)

    def _is_allowed(self, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        given = headers.get("x-functions-key") or query.get("code")
        return self._keys is not None and self._keys.allows(self._level, self.function.name, given)


def _binding_data(
    headers: Mapping[str, str], query: Mapping[str, str], route: Mapping[str, str], body: bytes
) -> BindingData:
    """What expressions can name: fields of a JSON body, query and route parameters, `headers.*`, `query.*`."""
    data: dict[str, Any] = {}
    if body[:1] == b"{":
        # Any body is allowed, however deep; an expression that needs a field fails by name.
        with contextlib.suppress(ValueError, RecursionError):
            data.update(json.loads(body))
    return {**data, **query, **route, "headers": headers, "query": query}
