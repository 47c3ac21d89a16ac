"""Who gets in: without a token 401, without the scope 403, both problem details from the edge."""

import asyncio
from time import monotonic

import aiohttp
import pytest

from local.demo.api import Api
from local.platform import Platform

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def answer(url: str, token: str | None = None, method: str = "GET") -> tuple[int, str, dict[str, object]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as response:
        return response.status, response.headers.get("content-type", ""), await response.json(content_type=None)


async def limited_token(platform: Platform, scope: str) -> str:
    client = platform.demo_client
    form = {"grant_type": "client_credentials", "scope": scope}
    headers = {"Authorization": aiohttp.encode_basic_auth(client.id, client.secret.get_secret_value())}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{platform.edge_url}/identity/oauth2/token", data=form, headers=headers) as response,
    ):
        assert response.status == 200
        return str((await response.json())["access_token"])


async def test_without_a_token_it_is_401(platform: Platform) -> None:
    status, kind, body = await answer(f"{platform.edge_url}/metadata/schemas/flight/versions/latest")
    assert (status, kind, body["status"]) == (401, "application/problem+json", 401)


async def test_without_the_scope_it_is_403(platform: Platform) -> None:
    token = await limited_token(platform, "audit.read")
    url = f"{platform.edge_url}/metadata/schemas/flight/versions/latest"
    status, kind, body = await answer(url, token)
    assert (status, kind, body["status"]) == (403, "application/problem+json", 403)


async def test_with_the_scope_but_for_reading_writing_is_403(platform: Platform) -> None:
    token = await limited_token(platform, "metadata.read")
    status, _, _ = await answer(f"{platform.edge_url}/metadata/schemas/flight", token, "PUT")
    assert status == 403


async def test_a_service_refuses_by_itself_what_the_edge_would_refuse(platform: Platform) -> None:
    url = f"{platform.urls['metadata']}/metadata/schemas/flight/versions/latest"
    token = await limited_token(platform, "audit.read")
    assert [(await answer(url))[0], (await answer(url, token))[0]] == [401, 403]


@pytest.mark.parametrize("path", ["/nowhere", "/metadata/metrics", "/v3/discovery:clusters", "/admin/host/status"])
async def test_what_is_not_routed_is_404(platform: Platform, path: str) -> None:
    status, kind, body = await answer(f"{platform.edge_url}{path}")
    assert (status, kind, body["status"]) == (404, "application/problem+json", 404)


async def test_every_service_is_healthy_and_has_metrics_and_a_document(platform: Platform, api: Api) -> None:
    found: dict[str, str] = {}
    ends_at = monotonic() + 60  # one may have been killed a moment ago
    while found != dict.fromkeys(platform.urls, "up") and monotonic() < ends_at:
        health = await api.call("GET", "/monitoring/health")
        found = {service["service"]: service["status"] for service in health["services"]}
        await asyncio.sleep(0.1)
    assert found == dict.fromkeys(platform.urls, "up")
    for service, url in platform.urls.items():
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/{service}/metrics") as metrics:
                assert "process_resident_memory_bytes" in await metrics.text()
            async with session.get(f"{url}/{service}/openapi.json") as document:
                assert (await document.json())["openapi"].startswith("3.1")
