"""Apps in the test's own process, through the fixture that projects use."""

import http.client
import json
import logging
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import azure.functions as func
import pytest
from azure.storage.blob import BlobServiceClient

from funchost.errors import HostError
from funchost.testing import StartFunctionHost
from tests.integration.funchost.conftest import APPS, wait_until


def test_entities_are_signalled_read_and_called(function_host: StartFunctionHost) -> None:
    host = function_host(APPS / "entities")
    assert host.get("/counters/a").json() is None
    for number in (1, 2, 3):
        assert host.request("POST", "/counters/a", str(number)).status == 202
    wait_until(lambda: host.get("/counters/a").json() == 6)
    assert host.request("POST", "/doubled/a").json() == 12
    assert host.get("/counters/a").json() == 12
    assert host.get("/counters/b").json() is None


def test_streamed_responses_arrive_while_they_are_made(function_host: StartFunctionHost, tmp_path: Path) -> None:
    host, released = function_host(APPS / "web_stream"), tmp_path / "released"
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=30)
    connection.request("GET", f"/count/3?until={released}")
    response = connection.getresponse()
    assert response.readline() == b"0\n"
    released.touch()
    assert response.read() == b"1\n2\n"


def test_streamed_bodies_and_plain_results_of_web_functions(function_host: StartFunctionHost) -> None:
    host = function_host(APPS / "web_stream")
    measured = host.request("POST", "/measure", b"x" * 1_000_000)
    assert (measured.status, measured.json()) == (201, {"chunks": True, "bytes": 1_000_000})
    assert host.get("/plain/ann?q=1").json() == {"name": "ann", "query": "1"}
    assert host.get("/fail").status == 500
    assert host.get("/classic").text == "GET"


def test_expressions_retries_and_unset_outs(
    function_host: StartFunctionHost, azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    prefix = f"t{uuid.uuid4().hex[:12]}"
    caplog.set_level(logging.INFO)
    host = function_host(APPS / "expressions", {"AzureWebJobsStorage": azurite, "PREFIX": prefix})
    order, began = {"id": "o1", "customer": {"city": "Bern"}}, datetime.now(UTC)
    assert host.request("POST", "/store", order).text == "stored"
    with BlobServiceClient.from_connection_string(azurite) as service:
        names = {blob.name for blob in service.get_container_client(f"{prefix}-out").list_blobs()}
        (chance,) = [name for name in names if name.startswith("chance/")]
        assert uuid.UUID(chance.removeprefix("chance/"))
        (day,) = names - {chance, "Bern/o1"}
        assert f"days/{began:%Y-%m-%d}" <= day <= f"days/{datetime.now(UTC):%Y-%m-%d}"
        done = service.get_blob_client(f"{prefix}-done", "o1")
        wait_until(done.exists)
        assert done.download_blob().readall() == b"RuntimeError"
    attempts = [record.getMessage() for record in caplog.records if record.getMessage().startswith("attempt")]
    assert attempts == [f"attempt {n} of 2, dequeued 1" for n in range(3)]
    assert (host.get("/unset").status, host.get("/unset").body) == (200, b"")


def test_functions_are_called_by_hand(function_host: StartFunctionHost) -> None:
    app = func.FunctionApp()
    seen: list[str] = []

    @app.function_name("tick")
    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
    def tick(timer: func.TimerRequest) -> None:
        seen.append(f"tick {timer.past_due}")

    @app.function_name("work")
    @app.queue_trigger(arg_name="msg", queue_name="q", connection="AzureWebJobsStorage")
    def work(msg: func.QueueMessage) -> str:
        seen.append(msg.get_body().decode())
        return msg.get_body().decode().upper()

    host = function_host(app, {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, listens=False)
    assert host.call("work", "hello") == "HELLO"
    host.call("tick")
    assert host.request("POST", "/admin/functions/WORK", {"input": "again"}).status == 202
    assert host.request("POST", "/admin/functions/nothing", {}).status == 404
    assert host.request("POST", "/admin/functions/work", "no object").status == 400
    wait_until(lambda: len(seen) == 3)
    assert seen == ["hello", "tick False", "again"]
    assert [f["name"] for f in host.get("/admin/functions").json()] == ["tick", "work"]
    assert host.get("/admin/functions/tick").json()["config"]["bindings"][0]["type"] == "timerTrigger"


def test_what_a_function_raises_comes_to_the_test(function_host: StartFunctionHost) -> None:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.route(route="fail")
    def fail(req: func.HttpRequest) -> str:
        raise ZeroDivisionError(json.dumps(req.get_json()))

    host = function_host(app)
    with pytest.raises(ZeroDivisionError, match="7"):
        host.call("fail", "7")
    assert host.request("GET", "/api/fail").status == 500


def test_a_mistake_comes_to_the_test(function_host: StartFunctionHost) -> None:
    with pytest.raises(HostError, match="unique"):
        function_host(APPS / "broken")
