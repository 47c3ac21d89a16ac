"""HTTP functions that take and give the web framework's own requests and responses, streamed.

The official worker runs a web server of its own for them, to which the host forwards; here the request and the
response pass through as they are. Works with azurefunctions-extensions-http-fastapi, or any package on top of
azurefunctions-extensions-base that tracks its request type there.
"""

import logging
import sys
from typing import Any

from funchost.bindings.ports import BindingData
from funchost.context import TraceContext
from funchost.http.request import Receive, Scope, read_headers, read_query
from funchost.http.response import Send, send_status
from funchost.http.trigger import HttpTrigger

_BASE = "azurefunctions.extensions.base"
log = logging.getLogger("Host.Http")


class StreamingTrigger(HttpTrigger):
    """Answers requests to one function with a web extension's request type.

    The body is not read beforehand and has no limit; what the function returns is sent as it is made.
    """

    async def answer(self, scope: Scope, receive: Receive, send: Send, route: dict[str, str]) -> None:
        """Run the function and stream its response; 401 without the key, 500 when it fails before it answers."""
        headers, query = read_headers(scope), read_query(scope)
        if not self._is_open and not self._is_allowed(headers, query):
            await send_status(send, 401)
            return
        context = self.function.new_context(TraceContext(headers.get("traceparent"), headers.get("tracestate")))
        data: BindingData = {**query, **route, "headers": headers, "query": query}
        try:
            result = await self._execute(_web_request(scope, receive, route), data, context)
            response = _web_response(result)
        except Exception:  # noqa: BLE001 (the trigger's edge; the invoker has logged it)
            await send_status(send, 500)
            return
        try:
            await response({**scope, "path_params": route}, receive, send)
        except Exception as error:
            message = "Function %s [%s] broke off its response: %s: %s"
            log.error(message, self.function.name, context.invocation_id, type(error).__name__, error)
            raise  # so that the server closes the connection, and the client knows


def _web_request(scope: Scope, receive: Receive, route: dict[str, str]) -> Any:
    tracker = sys.modules[_BASE].RequestTrackerMeta
    request = tracker.get_request_type()({**scope, "path_params": {}}, receive)
    tracker.get_synchronizer().sync_route_params(request, route)
    return request


def _web_response(result: Any) -> Any:
    """The response itself; of anything else, the JSON response that FastAPI makes."""
    from fastapi.encoders import jsonable_encoder
    from starlette.responses import JSONResponse, Response

    return result if isinstance(result, Response) else JSONResponse(jsonable_encoder(result))
