"""`--watch`, and timers of several hosts."""

import json
import urllib.request
import uuid
from pathlib import Path

from tests.integration.funchost.conftest import APPS, HostProcess, StartHost, wait_until

_APP = """
import logging
import time

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="version")
def version(req: func.HttpRequest) -> str:
    return "{version}"


@app.route(route="send/{{n:int}}")
@app.queue_output(arg_name="out", queue_name="%PREFIX%-w", connection="AzureWebJobsStorage")
def send(req: func.HttpRequest, out: func.Out[list[str]]) -> str:
    out.set([str(n) for n in range(int(req.route_params["n"]))])
    return "sent"


@app.queue_trigger(arg_name="msg", queue_name="%PREFIX%-w", connection="AzureWebJobsStorage")
def work(msg: str) -> None:
    time.sleep(0.2)
    logging.info("worked on %s", msg)
"""


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as response:
        return str(response.read().decode())


def _write(folder: Path, version: str) -> None:
    (folder / "function_app.py").write_text(_APP.format(version=version))


def test_a_change_starts_the_host_anew_at_the_same_address_without_losing_messages(
    start_host: StartHost, tmp_path: Path
) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"queues": {"batchSize": 4}}}))
    _write(app, "one")
    host = start_host(str(app), "--watch", PREFIX=f"t{uuid.uuid4().hex[:12]}")
    url = host.ready()
    assert _get(f"{url}/api/version") == "one"
    assert _get(f"{url}/api/send/20") == "sent"
    _write(app, "two")
    host.wait_for("Changed: function_app.py")
    assert host.ready() == url
    assert _get(f"{url}/api/version") == "two"
    _write(app, "three {")
    (app / "function_app.py").write_text("x = (")
    host.wait_for("never closed")
    _write(app, "four")
    host.ready()
    assert _get(f"{url}/api/version") == "four"
    wait_until(lambda: len(_worked(host)) >= 20)
    assert sorted(_worked(host)) == sorted(str(n) for n in range(20))
    assert host.terminate() == 0


def _worked(host: HostProcess) -> list[str]:
    return [line.split()[-1] for line in host.lines if "worked on" in line]


def test_a_timer_runs_in_one_host_of_an_app_and_moves_to_another_when_that_is_killed(
    start_host: StartHost, tmp_path: Path
) -> None:
    shared = {"AzureFunctionsWebHost__hostid": f"t{uuid.uuid4().hex[:12]}"}
    assert (APPS / "timers").is_dir()

    def start(name: str) -> HostProcess:
        state = {"FUNCHOST_STATE_DIR": str(tmp_path / name)}
        return start_host("timers", "--functions", "every_second", **shared, **state)

    first = start("a")
    first.wait_for(r"second \S+")
    second = start("b")
    second.wait_for("waits: another host of the app runs it")
    first.wait_for(r"second \S+")
    assert not any(" second 2" in line for line in second.lines)
    first.kill()
    second.wait_for(r"second \S+")
    third = start("c")
    third.wait_for("waits: another host of the app runs it")
    second.terminate()
    third.wait_for(r"second \S+")
