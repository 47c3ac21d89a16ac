"""The platform with a few real services, Azurite and Envoy, on free ports and in a folder of its own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from local import ports
from local.layout import ROOT, Layout
from local.platform import Platform, running_endpoints
from local.supervisor.state import AlreadyRunningError, read_state

SERVICES = ("gateway", "identity")


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with Platform(ROOT, tmp_path, services=SERVICES, free_ports=True) as running:
        yield running


async def _token(platform: Platform) -> str:
    client = platform.demo_client
    headers = {"Authorization": aiohttp.encode_basic_auth(client.id, client.secret.get_secret_value())}
    form = {"grant_type": "client_credentials"}
    url = f"{platform.edge_url}/identity/oauth2/token"
    async with aiohttp.ClientSession() as session, session.post(url, data=form, headers=headers) as answer:
        assert answer.status == 200
        return str((await answer.json())["access_token"])


async def _routes_status(platform: Platform, token: str | None) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{platform.edge_url}/gateway/routes"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status


async def test_the_demo_client_is_let_in_and_a_stranger_is_not(platform: Platform) -> None:
    assert await _routes_status(platform, None) == 401
    assert await _routes_status(platform, await _token(platform)) == 200


async def test_a_killed_service_and_a_killed_edge_come_back(platform: Platform) -> None:
    token = await _token(platform)
    for name in ("gateway", "edge"):
        before = platform.processes[name]
        await platform.kill(name)
        await platform.until_ready(name)
        assert platform.processes[name] != before
    assert await _routes_status(platform, token) == 200


async def test_a_stopped_service_stays_stopped_until_it_is_started(platform: Platform) -> None:
    await platform.stop_service("identity")
    assert "identity" not in platform.processes
    assert ports.is_free(platform.plan.ports["identity"])
    await platform.start_service("identity")
    await _token(platform)


async def test_it_is_found_while_it_runs_and_only_one_may_run(platform: Platform, tmp_path: Path) -> None:
    found = running_endpoints(Layout(ROOT, tmp_path))
    assert found is not None
    assert found.edge_url == platform.edge_url
    with pytest.raises(AlreadyRunningError):
        await Platform(ROOT, tmp_path, services=SERVICES, free_ports=True).__aenter__()


async def test_a_second_start_finds_the_first_ones_secrets_and_nothing_is_left_after_each(tmp_path: Path) -> None:
    secrets = []
    for _ in range(2):
        async with Platform(ROOT, tmp_path, services=SERVICES, free_ports=True) as platform:
            secrets.append(platform.demo_client.secret.get_secret_value())
            pids = list(platform.processes.values())
        assert not any(psutil.pid_exists(pid) for pid in pids)
    assert secrets[0] == secrets[1]
    assert running_endpoints(Layout(ROOT, tmp_path)) is None


async def test_a_start_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    starting = asyncio.create_task(Platform(ROOT, tmp_path, services=SERVICES, free_ports=True).__aenter__())
    async with asyncio.timeout(60):
        while not (pids := _running(tmp_path)):  # noqa: ASYNC110  (what is waited for is another process)
            await asyncio.sleep(0.02)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    assert not any(psutil.pid_exists(pid) for pid in pids)


def _running(state_dir: Path) -> list[int]:
    records = read_state(state_dir / "state.json").processes.values()
    return [record.pid for record in records if record.pid is not None]
