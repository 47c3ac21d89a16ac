import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.funchost.conftest import APPS, StartHost

_HOST = '{"version": "2.0"}'
_HELLO = (
    "import azure.functions as func\napp = func.FunctionApp()\n"
    '@app.route(route="a")\ndef a(req: func.HttpRequest) -> str:\n    return ""\n'
)
_QUEUE = (
    "import azure.functions as func\napp = func.FunctionApp()\n"
    '@app.queue_trigger(arg_name="msg", queue_name="%Q%", connection="Orders")\n'
    "def a(msg: func.QueueMessage) -> None: ...\n"
)


def _start(app: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    result = subprocess.run(
        [sys.executable, "-m", "funchost", "start", "--app", str(app), "--port", "0", *arguments],
        cwd=APPS.parents[3],
        env={**os.environ, "FUNCHOST_STATE_DIR": str(app / "state"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in result.stderr + result.stdout
    return result.returncode, result.stderr


@pytest.mark.parametrize(
    ("script", "host_json", "words"),
    [
        (None, _HOST, ["no function_app.py", "--app"]),
        (_HELLO, None, ["no host.json", "create host.json"]),
        (_HELLO, "{", ["host.json is not valid JSON", "host.json:1:2"]),
        (_HELLO, '{"version": "1.0"}', ["version", "host.json:1"]),
        (_HELLO, '{"version": "2.0",\n"extensions": {"queues": {"batchSize": 99}}}', ["batchSize", "host.json:2"]),
        (_HELLO.replace("app.route(route=", "app.function_name("), _HOST, ["a does not have a trigger", "app.py:3"]),
        (_QUEUE.replace("queue_trigger", "event_hub_message_trigger").replace("queue_name", "event_hub_name"), _HOST,
         ["No function of the app can run here", "README"]),
        (_QUEUE.replace("queue_trigger(", 'generic_trigger(type="queueTriger", '), _HOST,
         ["no trigger: queueTriger", "function_app.py:3", "Did you mean queueTrigger?"]),
        (_HELLO + "import nope\n", _HOST, ["ModuleNotFoundError", "function_app.py:6", "Install nope"]),
        (_HELLO + "other = func.FunctionApp()\n", _HOST, ["more than one function app: app, other", "app.py:6"]),
        (_HELLO.replace("req:", "request:"), _HOST, ["request", "function_app.py:3"]),
        (_HELLO.replace('"a"', '"a/{id"'), _HOST, ["a/{id", "function_app.py:3"]),
        (_HELLO + _HELLO.partition("app = func.FunctionApp()\n")[2].replace("def a", "def b"), _HOST,
         ["the route api/a", "function_app.py:3", "function_app.py:6"]),
        (_QUEUE.replace("%Q%", "Bad_Queue!"), _HOST, ["'bad_queue!' cannot be", "function_app.py:3", "lower-case"]),
        (_HELLO.replace("@app", '@app.queue_output(arg_name="o", queue_name="{x", connection="Orders")\n@app')
         .replace(") -> str", ", o: func.Out[str]) -> str"), _HOST, ["queueName", "{x", "function_app.py:3"]),
        (_QUEUE.replace("%Q%", "work"), _HOST, ["Orders", "local.settings.json"]),
        (_HELLO.replace("route(route=", "timer_trigger(schedule=").replace('"a")', '"x", arg_name="req")')
         .replace(": func.HttpRequest) -> str", ": func.TimerRequest) -> None"), _HOST, ["'x'", "NCRONTAB"]),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_place_and_remedy(
    tmp_path: Path, script: str | None, host_json: str | None, words: list[str]
) -> None:
    for name, text in (("function_app.py", script), ("host.json", host_json)):
        if text is not None:
            (tmp_path / name).write_text(text)
    code, error = _start(tmp_path)
    assert code == 1
    assert [word for word in words if word not in error] == []


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"Orders": "hello", "Q": "work"}, ["Orders is no list of Name=value", "function_app.py:3"]),
        ({"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "many"}, ["'many' is not a number of bytes", "Write for example"]),
        ({"FUNCHOST_STATE_DIR": "/proc/nowhere"}, ["keys of the host cannot be stored", "Set FUNCHOST_STATE_DIR"]),
    ],
)
def test_mistakes_in_settings_are_told(tmp_path: Path, environment: dict[str, str], words: list[str]) -> None:
    (tmp_path / "function_app.py").write_text(_QUEUE if "Q" in environment else _HELLO)
    (tmp_path / "host.json").write_text(_HOST)
    code, error = _start(tmp_path, **environment)
    assert code == 1
    assert [word for word in words if word not in error] == []


def test_a_duplicate_name_is_told() -> None:
    code, error = _start(APPS / "broken", FUNCHOST_STATE_DIR="/nonexistent")
    assert code == 1
    assert "same does not have a unique" in error
    assert error.count("function_app.py:") == 2


def test_an_unknown_function_is_told_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(_HELLO)
    (tmp_path / "host.json").write_text(_HOST)
    code, error = _start(tmp_path, "--functions", "b")
    assert code == 1
    assert "no function b" in error
    assert "It has: a" in error


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(_HELLO)
    (tmp_path / "host.json").write_text(_HOST)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, error = _start(tmp_path, "--port", port)
    assert code == 1
    assert f"Port {port}" in error


def test_what_is_not_supported_is_named_and_the_rest_runs(start_host: StartHost, tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    hub = _QUEUE.partition("app = func.FunctionApp()\n")[2]
    hub = hub.replace("queue_trigger", "event_hub_message_trigger").replace("queue_name", "event_hub_name")
    grid = (
        '@app.blob_trigger(arg_name="blob", path="c/{name}", connection="X", source="EventGrid")\n'
        "def grid(blob: func.InputStream) -> None: ...\n"
    )
    (app / "function_app.py").write_text(_HELLO.replace("def a", "def fine") + hub + grid)
    (app / "host.json").write_text(_HOST)
    host = start_host(str(app))
    host.wait_for(r"Function a is left out: funchost does not support eventHubTrigger .*function_app.py:6")
    host.wait_for(r"Function grid is left out: funchost does not support blobTrigger with source EventGrid")
    host.wait_for(r"fine +\[ALL\]")
