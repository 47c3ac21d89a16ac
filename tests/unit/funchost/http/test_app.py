import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from funchost.http.app import DURABLE_PATH, HostApp
from funchost.http.keys import AccessKeys
from funchost.http.routes import RouteTable, make_route


class _Answerer:
    """Stands for an HTTP trigger."""

    async def answer(self, scope: Any, receive: Any, send: Any, route: dict[str, str]) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(route).encode()})


class _State:
    is_ready = True

    def status(self) -> Mapping[str, Any]:
        return {"state": "Running"}

    def functions(self) -> Sequence[Mapping[str, Any]]:
        return [{"name": "f"}]


async def _durable(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 298, "headers": []})
    await send({"type": "http.response.body", "body": scope["root_path"].encode()})


def _app(route: str = "{*path}") -> HostApp:
    routes: RouteTable[Any] = RouteTable([make_route("", route, [], _Answerer(), where="f")])
    return HostApp(routes, _State(), AccessKeys("master", "host", {}), _durable)


async def _get(app: HostApp, path: str, *, client: str = "127.0.0.1", **headers: str) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"body": b""}

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "client": (client, 1),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_a_catch_all_function_gets_everything_but_the_hosts_own_paths() -> None:
    app = _app()
    assert await _get(app, "/any/thing") == (299, b'{"path": "any/thing"}')
    assert (await _get(app, "/admin/host/ping"))[0] == 200
    assert (await _get(app, "/runtime/health/live"))[0] == 200
    assert (await _get(app, "/admin/nothing"))[0] == 404


async def test_the_home_page_is_there_unless_a_function_has_it() -> None:
    assert (await _get(_app("hello"), "/"))[0] == 200
    assert (await _get(_app(), "/"))[0] == 299


async def test_an_unknown_path_is_404() -> None:
    assert await _get(_app("hello"), "/nothing") == (404, b"")


async def test_the_engine_answers_under_its_path() -> None:
    assert await _get(_app(), f"{DURABLE_PATH}/instances") == (298, DURABLE_PATH.encode())


async def test_readiness_follows_the_host() -> None:
    app = _app()
    assert (await _get(app, "/runtime/health/ready"))[0] == 200
    app._state.is_ready = False  # type: ignore[misc]
    assert (await _get(app, "/runtime/health/ready"))[0] == 503


async def test_while_draining_functions_are_refused_but_the_engine_goes_on() -> None:
    app = _app()
    app.is_draining = True
    assert (await _get(app, "/any"))[0] == 503
    assert (await _get(app, f"{DURABLE_PATH}/instances"))[0] == 298
    assert (await _get(app, "/runtime/health/live"))[0] == 200


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.0.0.1", {"x_forwarded_for": "9.9.9.9"}, 401),
        ("10.0.0.1", {}, 401),
        ("10.0.0.1", {"x_functions_key": "host"}, 401),
        ("10.0.0.1", {"x_functions_key": "master"}, 200),
    ],
)
async def test_administration_is_for_this_machine_or_the_master_key(
    client: str, headers: dict[str, str], status: int
) -> None:
    for path in ("/admin/host/status", "/admin/functions"):
        assert (await _get(_app(), path, client=client, **headers))[0] == status
    engine_status = (await _get(_app(), f"{DURABLE_PATH}/instances", client=client, **headers))[0]
    assert engine_status == (298 if status == 200 else 401)
