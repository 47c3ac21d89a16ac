"""The SignalR bindings: connection info in, messages and group actions out."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from azure.functions.meta import Datum

from funchost.bindings.ports import BindingData
from funchost.bindings.signalr_token import SignalRConnection
from funchost.errors import InvocationError
from funchost.expressions import Template

if TYPE_CHECKING:
    from aiohttp import ClientSession

_TIMEOUT_S = 10
_ADD, _REMOVE, _REMOVE_ALL = "add", "remove", "removeall"


class SignalRConnectionInfo:
    """`{"url", "accessToken"}` for a client that negotiates."""

    def __init__(self, connection: SignalRConnection, hub: Template, user_id: Template | None) -> None:
        self._connection = connection
        self._hub = hub
        self._user_id = user_id

    async def read(self, data: BindingData) -> Datum:
        """The JSON text. Raises InvocationError when the user's expression has no value."""
        url = self._connection.client_url(self._hub.render(data))
        user_id = self._user_id.render(data) if self._user_id else None
        return Datum(json.dumps({"url": url, "accessToken": self._connection.token(url, user_id)}), "json")


class SignalRSender:
    """One HTTP session to the service for all SignalR outputs of the host, opened on first use."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None

    async def send(self, connection: SignalRConnection, method: str, url: str, body: Any) -> None:
        """One REST call. Raises InvocationError when the service refuses it or does not answer within 10 s."""
        from aiohttp import ClientError, ClientSession, ClientTimeout

        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=_TIMEOUT_S))
        audience = url.partition("?")[0]
        headers = {"Authorization": f"Bearer {connection.token(audience)}"}
        try:
            async with self._session.request(method, url, json=body, headers=headers) as response:
                if response.status >= 400:
                    raise InvocationError(f"SignalR answered {response.status} to {method} {audience}")
        except (ClientError, TimeoutError) as error:
            raise InvocationError(f"SignalR cannot be reached: {type(error).__name__}") from None

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()


class SignalROutput:
    """Sends messages and group actions given as JSON: one object or a list."""

    def __init__(self, sender: SignalRSender, connection: SignalRConnection, hub: Template) -> None:
        self._sender = sender
        self._connection = connection
        self._hub = hub

    async def write(self, datum: Datum, data: BindingData) -> None:
        """Send each item in order. Raises InvocationError at the first that is malformed or refused."""
        base = self._connection.hub_url(self._hub.render(data))
        try:
            value = json.loads(datum.value)
        except (ValueError, TypeError):
            raise InvocationError("a SignalR output must be a JSON object or a list of them") from None
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, dict):
                raise InvocationError("a SignalR output must be a JSON object or a list of them")
            method, path, body = rest_call(item)
            await self._sender.send(self._connection, method, base + path, body)


def rest_call(item: Mapping[str, Any]) -> tuple[str, str, Any]:
    """Method, path under the hub and body of the REST call for a message or a group action."""
    if "target" in item:
        return "POST", _message_path(item), {"target": item["target"], "arguments": item.get("arguments") or []}
    if "action" in item:
        return (*_group_call(item), None)
    raise InvocationError('a SignalR item needs "target" (a message) or "action" (a group action)')


def _message_path(item: Mapping[str, Any]) -> str:
    excluded = item.get("excludedConnectionIds") or []
    query = f"?{urlencode([('excluded', connection) for connection in excluded])}" if excluded else ""
    for field, path in (("connectionId", "connections"), ("userId", "users"), ("groupName", "groups")):
        if item.get(field):
            return f"/{path}/{_segment(item[field])}{query}"
    return query


def _group_call(item: Mapping[str, Any]) -> tuple[str, str]:
    action = str(item["action"]).lower()
    member_path, member = _member(item)
    if action == _REMOVE_ALL:
        return "DELETE", f"/{member_path}/{member}/groups"
    if action not in (_ADD, _REMOVE) or not item.get("groupName"):
        raise InvocationError('a SignalR group action needs "action" add, remove or removeAll, and "groupName"')
    return "PUT" if action == _ADD else "DELETE", f"/groups/{_segment(item['groupName'])}/{member_path}/{member}"


def _member(item: Mapping[str, Any]) -> tuple[str, str]:
    if item.get("connectionId"):
        return "connections", _segment(item["connectionId"])
    if item.get("userId"):
        return "users", _segment(item["userId"])
    raise InvocationError('a SignalR group action needs "userId" or "connectionId"')


def _segment(value: Any) -> str:
    return quote(str(value), safe="")
