"""The edge as its image and its Deployment start it: bootstrap rendered as in the Dockerfile, arguments as in keda/."""

import http.client
import json
import re
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from infra.checks.manifests import containers, environment
from infra.checks.metrics import ENVOY
from local.edge import envoy_binary
from local.ports import any_free
from tests.integration.infra.edge_image import arguments, with_others


def test_envoy_accepts_the_images_bootstrap_with_the_deployments_arguments(bootstrap: Path) -> None:
    command = [str(envoy_binary()), "--mode", "validate", *arguments(bootstrap)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


class NothingToTell(BaseHTTPRequestHandler):
    """A control plane without resources: Envoy opens its static listeners after its first answer."""

    def do_POST(self) -> None:
        """Answer any discovery request."""
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"version_info": "1", "type_url": sent["type_url"], "resources": []}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *given: object) -> None:
        """Say nothing."""


@pytest.fixture
def control_plane() -> Iterator[int]:
    """The port of a control plane that has nothing to tell."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), NothingToTell)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


DRAIN_S = 2


@pytest.fixture
def stats(bootstrap: Path, tmp_path: Path, control_plane: int) -> Iterator[str]:
    """Envoy with the Deployment's arguments on other ports, drained sooner; the address of its stats listener."""
    admin, port = any_free(2)
    moved = tmp_path / "bootstrap.yaml"
    text = bootstrap.read_text().replace("9901", str(admin))
    gateway = 'address: "gateway", port_value: 80}'
    assert gateway in text
    moved.write_text(text.replace(gateway, f'address: "127.0.0.1", port_value: {control_plane}}}'))
    others = {"9901": str(admin), "9902": str(port), "fixed_delay: 50s": f"fixed_delay: {DRAIN_S + 1}s"}
    given = with_others("\0".join(arguments(moved)), others).split("\0")
    given[given.index("--drain-time-s") + 1] = str(DRAIN_S)
    process = subprocess.Popen([str(envoy_binary()), *given], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_the_stats_listener_shows_the_statistics_that_we_use_and_no_more_of_admin(stats: str) -> None:
    ends_at = monotonic() + 60
    text = ""
    while monotonic() < ends_at and "envoy_cluster_upstream_cx_connect_fail" not in text:
        try:
            with urllib.request.urlopen(f"{stats}/stats/prometheus", timeout=2) as answer:
                text = answer.read().decode()
        except OSError:
            sleep(0.2)
    for name in ENVOY & {"envoy_cluster_upstream_rq_total", "envoy_cluster_upstream_cx_connect_fail",
                         "envoy_cluster_upstream_cx_none_healthy",
                         "envoy_cluster_upstream_rq_pending_overflow", "envoy_cluster_manager_cds_update_failure",
                         "envoy_http_downstream_rq_total", "envoy_http_downstream_rq_xx",
                         "envoy_http_downstream_cx_active"}:  # fmt: skip
        assert f"\n{name}{{" in text, name
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{stats}/config_dump", timeout=2)


def test_the_pre_stop_hook_drains_the_edge_and_is_answered_when_that_is_over(stats: str) -> None:
    hook = pre_stop()
    assert hook["port"] == "stats"
    wait_for_200(f"{stats}/ready")
    address = urllib.parse.urlsplit(stats).netloc
    with closing(http.client.HTTPConnection(address, timeout=60)) as asked, ThreadPoolExecutor(1) as pool:
        began = monotonic()
        drained = pool.submit(urllib.request.urlopen, stats + hook["path"], timeout=60)
        while get(asked, "/stats/prometheus").headers["connection"] != "close":
            assert monotonic() - began < 60, "its clients are not sent away"
            sleep(0.1)
        assert drained.result().status == 200
        assert monotonic() - began > DRAIN_S
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"{stats}/ready", timeout=2)


def test_the_pod_is_given_the_time_that_draining_takes() -> None:
    deployment = environment("prod").find("Deployment", "edge")
    assert deployment is not None
    [envoy] = containers(deployment)
    [waits_s] = map(int, re.findall(r"fixed_delay: (\d+)s", " ".join(envoy["args"])))
    drains_s = int(envoy["args"][envoy["args"].index("--drain-time-s") + 1])
    assert drains_s < waits_s < deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]


def pre_stop() -> dict[str, Any]:
    [envoy] = containers(environment("prod").find("Deployment", "edge"))
    hook: dict[str, Any] = envoy["lifecycle"]["preStop"]["httpGet"]
    return hook


def wait_for_200(url: str) -> None:
    ends_at = monotonic() + 60
    while monotonic() < ends_at:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            sleep(0.1)
    pytest.fail(f"{url} is not there")


def get(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer
