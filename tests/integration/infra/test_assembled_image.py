"""The files that the Dockerfile copies, put into an empty folder, are an app: indexed, and started from outside."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import pytest

from chassis.manifest import SERVICES
from infra.image.contents import ROOT, assemble
from local.ports import any_free

INDEX = """
import json, sys
import function_app
own = {name for name, module in sys.modules.items() if "/site-packages/" not in (getattr(module, "__file__", "") or "")}
print(json.dumps({
    "functions": [function.get_function_name() for function in function_app.app.get_functions()],
    "strangers": sorted(own & {"funchost", "local", "tests", "infra", "bench"}),
}))
"""


def environment(service: str, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PLATFORM_SERVICES": service, "PYTHONDONTWRITEBYTECODE": "1", **more}


def indexed(service: str, folder: Path) -> tuple[str, dict[str, list[str]] | str]:
    assemble(service, folder / service)
    done = subprocess.run(
        [sys.executable, "-c", INDEX],
        cwd=folder / service,
        env=environment(service),
        capture_output=True,
        text=True,
        timeout=300,
    )
    return service, json.loads(done.stdout) if done.returncode == 0 else done.stderr


def test_each_assembled_image_is_indexed_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        for service, found in pool.map(lambda name: indexed(name, tmp_path), SERVICES):
            assert isinstance(found, dict), found
            assert f"{service}_handle_http" in found["functions"]
            assert all(name.startswith(f"{service}_") for name in found["functions"])
            assert found["strangers"] == []


@pytest.fixture
def started(tmp_path: Path) -> Iterator[str]:
    """The assembled identity image under funchost, which lies outside of it; the base address."""
    assemble("identity", tmp_path / "app")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "funchost").symlink_to(ROOT / "funchost")
    [port] = any_free(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "funchost", "start", "--app", str(tmp_path / "app"), "--port", str(port)],
        cwd=tmp_path / "app",
        env=environment("identity", PYTHONPATH=str(tmp_path / "outside"), FUNCHOST_STATE_DIR=str(tmp_path / "state")),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def test_an_assembled_image_starts_and_answers(started: str) -> None:
    ends_at = monotonic() + 60
    while monotonic() < ends_at:
        try:
            with urllib.request.urlopen(f"{started}/identity/health/live", timeout=2) as answer:
                assert answer.status == 200
                return
        except OSError:
            sleep(0.1)
    pytest.fail("the assembled app did not answer within 60 s")
