"""Workflows that leave the platform go on when the workflow service is killed while they are out."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from aiohttp import web

from local.demo import job
from local.demo.api import Api
from local.platform import Platform

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Slow:
    """Answers when it is let; keeps the key of each request."""

    def __init__(self) -> None:
        self.keys: list[str | None] = []
        self.seen = asyncio.Event()
        self.release = asyncio.Event()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("idempotency-key"))
        self.seen.set()
        await self.release.wait()
        return web.json_response({"authorized": request.headers.get("authorization") == "Bearer canary-e2e-token"})


@pytest_asyncio.fixture(loop_scope="session")
async def slow() -> AsyncIterator[Slow]:
    made = Slow()
    app = web.Application()
    app.router.add_route("*", "/", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    made.release.set()
    await runner.cleanup()


async def start(api: Api, body: str) -> str:
    name = f"d{uuid4().hex[:8]}"
    head = f"document: {{dsl: '1.0.3', namespace: e2e, name: {name}, version: '1.0.0'}}\n"
    await api.raw("PUT", "/workflow/definitions", content=(head + body).encode(), content_type="application/yaml")
    started = await api.call("POST", "/workflow/instances", {"namespace": "e2e", "name": name, "input": {}})
    return str(started["id"])


async def test_a_call_that_is_cut_off_by_a_kill_is_made_again_under_its_key(
    api: Api, platform: Platform, slow: Slow
) -> None:
    await api.call("PUT", "/workflow/secrets/e2e", {"value": {"token": "canary-e2e-token"}})
    body = f"""
use: {{secrets: [e2e]}}
do:
  - ask:
      call: http
      with: {{method: post, endpoint: {{uri: '{slow.url}', authentication: {{bearer: {{use: e2e}}}}}}}}
"""
    instance_id = await start(api, body)
    async with asyncio.timeout(30):
        await slow.seen.wait()
    await platform.kill("workflow")
    slow.release.set()
    found = await job.finished(api, instance_id, 90)
    assert (found["status"], found["output"]) == ("completed", {"authorized": True}), found["error"]
    assert len(slow.keys) >= 2
    assert set(slow.keys) == {slow.keys[0]} != {None}
    assert [item["name"] for item in (await api.call("GET", "/workflow/secrets"))["items"]] == ["e2e"]
    assert not [path for path in written(platform) if b"canary-e2e-token" in content(path)]


def content(path: Path) -> bytes:
    """Nothing of a file that is gone by now: the platform runs on."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def written(platform: Platform) -> list[Path]:
    """Every file of the platform's state but the secret store itself: histories, Azurite's tables and blobs, logs."""
    return [
        path for path in platform.layout.state_dir.rglob("*") if path.is_file() and not path.name.startswith("secrets")
    ]


async def test_a_script_that_is_cut_off_by_a_kill_is_run_again(api: Api, platform: Platform) -> None:
    body = """
do:
  - go: {run: {script: {language: python, code: "import time; time.sleep(4); print('done')"}}}
  - then: {set: {said: '${ . }'}}
"""
    instance_id = await start(api, body)
    async with asyncio.timeout(30):
        while (await api.call("GET", f"/workflow/instances/{instance_id}"))["status"] == "pending":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    await platform.kill("workflow")
    found = await job.finished(api, instance_id, 90)
    assert (found["status"], found["output"]) == ("completed", {"said": "done\n"}), found["error"]
