"""Asking all services at once."""

import asyncio

import pytest

from functions.monitoring import health
from functions.monitoring.health import HealthWatch

ADDRESSES = {"audit": "http://audit", "gateway": "http://gateway", "identity": "http://identity"}


async def test_each_service_is_told_by_its_own_answer() -> None:
    async def fetch(url: str) -> tuple[int, bytes]:
        if "identity" in url:
            raise ConnectionRefusedError
        return (200, b'{"checks":{"storage":{"status":"up"}}}') if "audit" in url else (503, b"not json")

    found = await HealthWatch(ADDRESSES, fetch).look()
    assert [(each.service, each.status) for each in found] == [
        ("audit", "up"),
        ("gateway", "degraded"),
        ("identity", "down"),
    ]
    assert found[0].detail == {"httpStatus": 200, "checks": {"storage": {"status": "up"}}}
    assert found[2].detail == {"reason": "no connection"}


async def test_one_that_hangs_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TIMEOUT_S", 0.01)
    answered = []

    async def fetch(url: str) -> tuple[int, bytes]:
        if "gateway" in url:
            await asyncio.Event().wait()
        answered.append(url)
        return 200, b"{}"

    found = await HealthWatch(ADDRESSES, fetch).look()
    assert [each.status for each in found] == ["up", "down", "up"]
    assert answered == ["http://audit/audit/health/ready", "http://identity/identity/health/ready"]


async def test_many_who_ask_at_once_cause_one_round() -> None:
    asked = []

    async def fetch(url: str) -> tuple[int, bytes]:
        asked.append(url)
        return 200, b"{}"

    watch = HealthWatch(ADDRESSES, fetch)
    await asyncio.gather(*(watch.look() for _ in range(20)))
    assert len(asked) == len(ADDRESSES)
