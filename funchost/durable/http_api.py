"""The HTTP management API under /runtime/webhooks/durabletask: paths, bodies and status codes of the extension.

The SDK's client (models/DurableOrchestrationClient.py) speaks to it through rpcBaseUrl; facts of the other side:
HttpApiHandler of the Durable extension.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from funchost.durable.backend import (
    InstanceEnded,
    InstanceExists,
    InstanceFilter,
    InstanceNotFound,
    InstancePage,
    InstanceRow,
    NotFailed,
    StorageUnavailable,
)
from funchost.durable.client import TaskHubClient
from funchost.durable.entities import EntityId, shown_state
from funchost.durable.errors import DurableError, InvalidInstanceId, UnknownFunction
from funchost.durable.http_messages import BadRequest, Receive, Request, Response, Scope, Send, read_request
from funchost.durable.links import WEBHOOK_PATH, Links
from funchost.durable.presentation import show_entity, show_history, show_status
from funchost.durable.state import Status

_log = logging.getLogger(__name__)
_TOKEN = "x-ms-continuation-token"  # noqa: S105 - the name of a header
_PAGE, _LARGEST_PAGE = 100, 10_000
_OPENING_S = 10.0
_STATUS_OF: dict[type[DurableError], int] = {
    UnknownFunction: 400,
    InvalidInstanceId: 400,
    InstanceNotFound: 404,
    InstanceExists: 409,
    InstanceEnded: 410,
    NotFailed: 410,
    StorageUnavailable: 503,
}


class ManagementApi:
    """An ASGI app; mounted anywhere, it looks at what follows /runtime/webhooks/durabletask."""

    def __init__(self, client: TaskHubClient, links: Links, is_open: asyncio.Event) -> None:
        self._client, self._links, self._is_open = client, links, is_open
        self._operations: dict[str, Callable[[str, Request], Awaitable[Response]]] = {
            "terminate": self._terminate,
            "suspend": self._suspend,
            "resume": self._resume,
            "restart": self._restart,
            "rewind": self._rewind,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            request = await read_request(scope, receive, WEBHOOK_PATH)
            # A function may be called before its host is ready; the official host lets it wait, too.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_open.wait(), _OPENING_S)
            response = await self._answer(request)
        except BadRequest as error:
            response = Response(error.status, {"Message": str(error)})
        except DurableError as error:
            response = _refusal(error)
        except Exception:  # noqa: BLE001 - the edge of the API
            _log.exception("The durable management API failed")
            response = Response(500, {"Message": "Something went wrong while processing your request"})
        await response.send(send)

    async def _answer(self, request: Request) -> Response:
        match request.segments:
            case ["orchestrators", name, *instance_id] if request.method == "POST" and len(instance_id) < 2:
                return await self._start(name, instance_id[0] if instance_id else None, request)
            case ["instances"] if request.method == "GET":
                return await self._list(request)
            case ["instances"] if request.method == "DELETE":
                return await self._purge_where(request)
            case ["instances", instance_id, *operation]:
                return await self._answer_instance(instance_id, operation, request)
            case ["entities", *entity]:
                return await self._answer_entity(entity, request)
        return Response(404)

    async def _answer_instance(self, instance_id: str, operation: list[str], request: Request) -> Response:
        match (request.method, *(part if place else part.lower() for place, part in enumerate(operation))):
            case ("GET",):
                return await self._get(instance_id, request)
            case ("DELETE",):
                return Response(200, {"instancesDeleted": await self._client.purge(instance_id)})
            case ("POST", "raiseevent", event):
                return await self._raise_event(instance_id, event, request)
            case ("POST", verb) if verb in self._operations:
                return await self._operations[verb](instance_id, request)
        return Response(404)

    async def _answer_entity(self, entity: list[str], request: Request) -> Response:
        match (request.method, *entity):
            case ("GET", name, key):
                row = await self._client.read_entity(EntityId(name, key))
                return Response(404) if row is None else Response(200, shown_state(row))
            case ("POST" | "DELETE", name, key):
                operation = "delete" if request.method == "DELETE" else request.query.get("op", "")
                await self._client.signal_entity(EntityId(name, key), operation, request.json_text())
                return Response(202)
            case ("GET", *name) if len(name) < 2:
                return await self._list_entities(name[0] if name else None, request)
        return Response(404)

    async def _start(self, name: str, instance_id: str | None, request: Request) -> Response:
        started = await self._client.start(
            name,
            instance_id,
            request.json_text(),
            version=request.query.get("version"),
            trace_parent=request.headers.get("traceparent"),
            start_at=request.time("scheduledStartTime"),
        )
        timeout_s = request.query.get("timeout")
        if timeout_s is not None:
            return await self._wait(started, _number(timeout_s, "timeout"), request)
        return self._accepted(started)

    async def _wait(self, instance_id: str, timeout_s: float, request: Request) -> Response:
        pause_s = max(0.1, _number(request.query.get("pollinginterval", "1"), "pollingInterval"))
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            row = await self._client.get(instance_id)
            if row is not None and row.status is Status.COMPLETED:
                return Response(200, show_status(row, show_input=False)["output"])
            if row is not None and row.status.is_final:
                return Response(200, show_status(row, show_input=True))
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                return self._accepted(instance_id)
            await asyncio.sleep(min(pause_s, left_s))

    def _accepted(self, instance_id: str) -> Response:
        links = self._links.management(instance_id)
        return Response(202, links, {"location": links["statusQueryGetUri"], "retry-after": "10"})

    async def _get(self, instance_id: str, request: Request) -> Response:
        row = await self._client.get(instance_id)
        if row is None:
            return Response(404)
        show_input = request.flag("showInput", True)
        history: list[dict[str, Any]] | None = None
        if request.flag("showHistory", False):
            events = await self._client.history(instance_id)
            show_output = request.flag("showHistoryOutput", False)
            history = show_history(events, show_output=show_output, show_input=show_input)
        body = show_status(row, show_input=show_input, history=history)
        if not row.status.is_final:
            return Response(202, body, {"location": request.url, "retry-after": "5"})
        failed = row.status is Status.FAILED and request.flag("returnInternalServerErrorOnFailure", False)
        return Response(500 if failed else 200, body)

    async def _list(self, request: Request) -> Response:
        page = await self._page(_filter(request), request)
        show_input = request.flag("showInput", True)
        body = [show_status(row, show_input=show_input) for row in page.rows]
        return Response(200, body, {_TOKEN: _write_token(page.next_after)})

    async def _list_entities(self, name: str | None, request: Request) -> Response:
        wanted = InstanceFilter(
            prefix="@" if name is None else EntityId(name, "").instance_id,
            updated_from=request.time("lastOperationTimeFrom"),
            updated_to=request.time("lastOperationTimeTo"),
            entities=True,
        )
        page = await self._page(wanted, request)
        fetch_state = request.flag("fetchState", False)
        body = [show_entity(row, fetch_state=fetch_state) for row in page.rows]
        return Response(200, body, {_TOKEN: _write_token(page.next_after)})

    async def _page(self, wanted: InstanceFilter, request: Request) -> InstancePage:
        limit = int(_number(request.query.get("top", str(_PAGE)), "top"))
        after = _read_token(request.headers.get(_TOKEN, ""))
        return await self._client.query(wanted, after=after, limit=max(1, min(limit, _LARGEST_PAGE)))

    async def _purge_where(self, request: Request) -> Response:
        if request.time("createdTimeFrom") is None:
            return Response(400, "Please provide value for 'createdTimeFrom' parameter.")
        deleted = await self._client.purge_where(_filter(request))
        return Response(200, {"instancesDeleted": deleted}) if deleted else Response(404)

    async def _raise_event(self, instance_id: str, event: str, request: Request) -> Response:
        row = await self._running(instance_id)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise BadRequest("Only application/json request content is supported")
        await self._client.raise_event(row.instance_id, event, request.json_text() or "null")
        return Response(202)

    async def _running(self, instance_id: str) -> InstanceRow:
        row = await self._client.get(instance_id)
        if row is None:
            raise InstanceNotFound(instance_id)
        if row.status.is_final:
            raise InstanceEnded(instance_id, row.status)
        return row

    async def _terminate(self, instance_id: str, request: Request) -> Response:
        await self._client.terminate(instance_id, request.query.get("reason"))
        return Response(202)

    async def _suspend(self, instance_id: str, request: Request) -> Response:
        await self._client.suspend(instance_id, request.query.get("reason"))
        return Response(202)

    async def _resume(self, instance_id: str, request: Request) -> Response:
        await self._client.resume(instance_id, request.query.get("reason"))
        return Response(202)

    async def _rewind(self, instance_id: str, request: Request) -> Response:
        await self._client.rewind(instance_id, request.query.get("reason"))
        return Response(202)

    async def _restart(self, instance_id: str, request: Request) -> Response:
        with_new_id = request.flag("restartWithNewInstanceId", True)
        return self._accepted(await self._client.restart(instance_id, with_new_id=with_new_id))


def _refusal(error: DurableError) -> Response:
    status = next((code for kind, code in _STATUS_OF.items() if isinstance(error, kind)), 500)
    if status == 400:
        # The SDK shows ExceptionMessage to the caller.
        return Response(
            400, {"Message": "One or more of the arguments submitted is incorrect", "ExceptionMessage": str(error)}
        )
    return Response(status, None if status in (404, 410) else {"Message": str(error)})


def _filter(request: Request) -> InstanceFilter:
    return InstanceFilter(
        created_from=request.time("createdTimeFrom"),
        created_to=request.time("createdTimeTo"),
        statuses=_statuses(request.query.get("runtimestatus", "")),
        prefix=request.query.get("instanceidprefix", ""),
    )


def _statuses(text: str) -> frozenset[Status]:
    # Names that no instance can have here (Canceled, ContinuedAsNew) and unknown ones are passed over, as the
    # extension does with names that it can't parse.
    known = {str(status).lower(): status for status in Status}
    return frozenset(known[name.strip().lower()] for name in text.split(",") if name.strip().lower() in known)


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadRequest(f"'{name}' is not a number: {text}") from None


def _write_token(after: str | None) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode() if after else ""


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise BadRequest("The continuation token can't be read.") from None
