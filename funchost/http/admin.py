"""The host's administration under /admin: state, functions, calling one by hand, warm-up."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from funchost.http.keys import AccessKeys
from funchost.http.request import BodyTooLarge, ClientGone, Receive, Scope, read_body, read_headers, read_query
from funchost.http.response import Send, send_content, send_status

_FUNCTIONS = "/admin/functions"
_INPUT_LIMIT_BYTES = 104_857_600


class AdminHost(Protocol):
    """What is administered."""

    def status(self) -> Mapping[str, Any]:
        """The body of /admin/host/status."""
        ...

    def functions(self) -> Sequence[Mapping[str, Any]]:
        """The body of /admin/functions; each has a name."""
        ...

    def begin(self, name: str, text: str) -> bool:
        """Begin to run a function with the trigger input; False when it cannot be called by hand."""
        ...

    async def warm_up(self) -> None:
        """Run the warm-up functions unless they have run."""
        ...


class AdminApi:
    """Answers /admin; direct callers on this machine are let in, as with `func start`, others by the master key."""

    def __init__(self, host: AdminHost, keys: AccessKeys | None) -> None:
        self._host = host
        self._keys = keys

    def admits(self, scope: Scope) -> bool:
        """Whether the caller may administer."""
        headers = read_headers(scope)
        client = scope.get("client")
        if client and client[0] in ("127.0.0.1", "::1") and "x-forwarded-for" not in headers:
            return True
        given = headers.get("x-functions-key") or read_query(scope).get("code")
        return self._keys is not None and self._keys.allows("admin", "", given)

    async def answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """The answer to a request under /admin; 404 for what is not there."""
        path = path.rstrip("/")
        if path == "/admin/host/ping":
            await send_status(send, 200)
        elif not self.admits(scope):
            await send_status(send, 401)
        elif path == "/admin/host/status":
            await _send_json(send, self._host.status())
        elif path == "/admin/warmup":
            await self._host.warm_up()
            await send_status(send, 200)
        elif path == _FUNCTIONS:
            await _send_json(send, self._host.functions())
        elif path.startswith(f"{_FUNCTIONS}/"):
            await self._answer_function(path.removeprefix(f"{_FUNCTIONS}/"), scope, receive, send)
        else:
            await send_status(send, 404)

    async def _answer_function(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        found = next((f for f in self._host.functions() if f["name"].lower() == name.lower()), None)
        if found is None:
            await send_status(send, 404)
        elif scope["method"] == "POST":
            await self._call(found["name"], receive, send)
        else:
            await _send_json(send, found)

    async def _call(self, name: str, receive: Receive, send: Send) -> None:
        """`{"input": "…"}`: 202 when begun; 400 for another body, or a function that only the engine calls."""
        try:
            text = _input(await read_body(receive, _INPUT_LIMIT_BYTES))
        except (ValueError, BodyTooLarge):
            await _send_json(send, {"error": 'the body must be {"input": "…"}'}, 400)
        except ClientGone:
            return
        else:
            if self._host.begin(name, text):
                await send_status(send, 202)
            else:
                await _send_json(send, {"error": f"{name} can only be called by the durable engine"}, 400)


def _input(body: bytes) -> str:
    """The trigger input as text; an input that is not a text stands for its JSON. Raises ValueError."""
    if not body.strip():
        return ""
    value = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    given = value.get("input")
    if given is None:
        return ""
    return given if isinstance(given, str) else json.dumps(given)


async def _send_json(send: Send, value: Any, status: int = 200) -> None:
    await send_content(send, json.dumps(value).encode(), "application/json; charset=utf-8", status)
