"""The scale rules of the dev overlay on real processes: from none to several and back, and nothing is lost."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import httpx
import pytest

from local.layout import ROOT
from local.platform import Platform
from local.scaler.chart import draw
from local.scaler.scaling import Scaling, read_trace

SPEED = 60.0
"""Polling four times a second, five seconds of cooldown: minutes of the rules in seconds."""

JOBS = 24
KILL = "SCALING_KILLS" in os.environ
"""Also kill -9 a process that was scaled out; what it had in hand comes back after its lease, half a minute later."""

SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""No known peak."""


async def until(condition: Callable[[], bool], what: str, patience_s: float = 60) -> None:
    ends_at = monotonic() + patience_s
    while not condition():
        assert monotonic() < ends_at, f"not within {patience_s} s: {what}"
        await asyncio.sleep(0.05)


async def asked(http: httpx.AsyncClient, method: str, path: str, **options: object) -> httpx.Response:
    """The answer, asked again while nobody is there yet: the request itself is what wakes the service."""
    for _ in range(200):
        answer = await http.request(method, path, **options)  # type: ignore[arg-type]
        if answer.status_code not in (502, 503, 504, 429):
            return answer.raise_for_status()
        await asyncio.sleep(0.1)
    raise AssertionError(f"{path}: {answer.status_code} {answer.text}")


@pytest.mark.skipif(not (ROOT / "keda").exists(), reason="there are no manifests")
async def test_processing_goes_from_none_to_several_and_back_and_loses_nothing(tmp_path: Path) -> None:
    services = ("gateway", "identity", "processing")
    async with Platform(ROOT, tmp_path / "state", services=services, free_ports=True) as platform:
        trace = ROOT / "build" / "scale" / "test-trace.jsonl"
        async with (
            Scaling(platform, trace, speed=SPEED, clock=lambda: SUNDAY) as scaling,
            httpx.AsyncClient(timeout=30) as http,
        ):
            http.base_url = httpx.URL(platform.edge_url)
            await until(lambda: scaling.running("processing") == 0, "no work, no process")
            demo = platform.demo_client
            auth = (demo.id, demo.secret.get_secret_value())
            token = await asked(
                http, "POST", "/identity/oauth2/token", data={"grant_type": "client_credentials"}, auth=auth
            )
            http.headers["authorization"] = f"Bearer {token.json()['access_token']}"
            made = (await asked(http, "POST", "/processing/datasets", json={"name": "n"})).json()
            content = b"n\n" + b"".join(b"%d\n" % n for n in range(200_000))
            put = await http.put(made["uploadUrl"], content=content, headers={"x-ms-blob-type": "BlockBlob"})
            put.raise_for_status()
            query = {"dataset": made["id"], "query": "SELECT sum(n) AS s, count(DISTINCT n) AS d FROM input"}
            jobs = [(await asked(http, "POST", "/processing/jobs", json=query)).json()["id"] for _ in range(JOBS)]
            await until(lambda: scaling.running("processing") > 1, "the queue is deep, there are several processes")
            if KILL:
                await until(lambda: scaling.ready("processing") > 1, "a second process has work in hand")
                await scaling.kill("processing")
            for job in jobs:
                while (found := (await asked(http, "GET", f"/processing/jobs/{job}")).json())["status"] != "completed":
                    assert found["status"] in ("pending", "running"), found
                    await asyncio.sleep(0.1)
                result = (await asked(http, "GET", f"/processing/jobs/{job}/result")).json()
                assert result == [{"s": 19_999_900_000, "d": 200_000}]
            await until(lambda: scaling.running("processing") == 0, "all is done, no process")
        looks = [look for look in read_trace(trace) if look.service == "processing"]
        assert max(look.replicas for look in looks) > 1
        picture = trace.with_name("test-scale.png")
        draw(read_trace(trace), picture)
        assert picture.read_bytes().startswith(b"\x89PNG")
