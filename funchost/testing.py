"""Test a function app in the test's own process: the pytest fixture `function_host`.

In conftest.py: `pytest_plugins = ["funchost.testing"]`. In a test:

    def test_orders_are_stored(function_host):
        host = function_host("path/to/app", settings={"AzureWebJobsStorage": "UseDevelopmentStorage=true"})
        assert host.request("POST", "/api/orders", {"id": 7}).status == 201
        assert host.call("orders_sum_up", "7") == 49

The app runs on a thread of its own, so that tests may be async or not, and may replace parts of it (monkeypatch).
"""

import asyncio
import json
import os
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from funchost.app_settings import load_local_settings
from funchost.host_json import HostJson, read_host_json
from funchost.indexing import functions_of, index_app

_START_S, _CALL_S, _GRACE_S = 30.0, 60.0, 10.0


@dataclass(frozen=True, slots=True)
class Response:
    """What the host answered; header names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as a JSON value."""
        return json.loads(self.body)


class FunctionHost:
    """One function app, running."""

    def __init__(self, loop: asyncio.AbstractEventLoop, running: Any) -> None:
        self._loop = loop
        self._running = running
        self.url: str = running.base_url

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, timeout_s: float = 30
    ) -> Response:
        """Send a request; a body that is not bytes or str is sent as JSON. Error statuses are answers, too."""
        content = body if body is None or isinstance(body, bytes) else body.encode() if isinstance(body, str) else None
        if body is not None and content is None:
            content = json.dumps(body).encode()
            headers = {"content-type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.url + path, content, dict(headers or {}), method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
                return _response(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return _response(answer)

    def get(self, path: str) -> Response:
        """Send a GET request."""
        return self.request("GET", path)

    def call(self, name: str, text: str = "") -> Any:
        """Run a function without its trigger; returns what it returned, raises what it raised.

        `text` is a message's body, a blob's path, a request's body or an activity's input in JSON.
        """
        call = self._running.host.call(name, text)
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(_CALL_S)


def _response(answer: Any) -> Response:
    return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())


StartFunctionHost = Callable[..., FunctionHost]


@pytest.fixture
def function_host(tmp_path: Path) -> Iterator[StartFunctionHost]:
    """Starts function apps, each drained at the end of the test; environment and imported modules are put back.

    `function_host(app, settings={}, functions=(), listens=True)`: `app` is a folder or a FunctionApp object (host.json
    is then the default one); `listens=False` starts no queue, blob or timer listener. Raises HostError.
    """
    environment, path, modules = dict(os.environ), list(sys.path), set(sys.modules)
    started: list[_HostThread] = []

    def start(
        app: Any, settings: Mapping[str, str] | None = None, functions: tuple[str, ...] = (), *, listens: bool = True
    ) -> FunctionHost:
        os.environ.update(settings or {})
        thread = _HostThread(app, functions, tmp_path / f"funchost-{len(started)}", listens)
        started.append(thread)
        return thread.start()

    yield start
    for thread in started:
        thread.stop()
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if _belongs_to(sys.modules[name], [thread.app_dir for thread in started]):
            del sys.modules[name]


def _belongs_to(module: Any, folders: list[Path | None]) -> bool:
    file = getattr(module, "__file__", None) or "/"
    return any(folder is not None and Path(file).is_relative_to(folder) for folder in folders)


class _HostThread:
    """The thread that a host runs on, with its own event loop."""

    def __init__(self, app: Any, functions: tuple[str, ...], state_dir: Path, listens: bool) -> None:
        self.app_dir = Path(app).resolve() if isinstance(app, str | Path) else None
        self._app = app
        self._functions = functions
        self._state_dir = state_dir
        self._listens = listens
        self._ready = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._failure: BaseException | None = None
        self._host: FunctionHost | None = None
        self._thread = threading.Thread(target=self._run, name="function host", daemon=True)

    def start(self) -> FunctionHost:
        """The host, when it is ready. Raises what kept it from that."""
        self._thread.start()
        if not self._ready.wait(_START_S):
            raise TimeoutError(f"the function host was not ready within {_START_S:.0f} s")
        if self._host is None:
            assert self._failure is not None  # noqa: S101 (set before `_ready`)
            raise self._failure
        return self._host

    def stop(self) -> None:
        """Drain and end."""
        self._stop()
        self._thread.join(_GRACE_S + 5)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 (handed to the test)
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        from funchost.running import RunningHost
        from funchost.server import bind_socket
        from funchost.start import select

        script = Path.cwd() / "function_app.py" if self.app_dir is None else self.app_dir / "function_app.py"
        host_json = HostJson()
        if self.app_dir is None:
            definitions = functions_of(self._app, script)
        else:
            load_local_settings(self.app_dir / "local.settings.json")
            host_json = read_host_json(self.app_dir / "host.json")
            definitions = index_app(self.app_dir)
        running = RunningHost(
            select(definitions, self._functions, script.parent),
            host_json,
            bind_socket("127.0.0.1", 0),
            app_dir=script.parent,
            state_dir=self._state_dir,
            address="127.0.0.1",
            grace_s=_GRACE_S,
            listens=self._listens,
        )
        await running.start()
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        self._host = FunctionHost(loop, running)
        self._ready.set()
        await stopped.wait()
        await running.drain()
        await running.close()
