"""How open instances are gone round; the marking itself is tested on real storage."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from functions.workflow import recovery
from functions.workflow.recovery import Patrol


class Store:
    """Open instances, and how often they were listed."""

    def __init__(self, count: int) -> None:
        self.ids, self.scans = [("t", f"i{number}") for number in range(count)], 0

    async def open(self) -> list[tuple[str, str]]:
        self.scans += 1
        return self.ids


class Client:
    """Gives all instances the same status; keeps whom it was asked for."""

    def __init__(self, status: Any = None) -> None:
        self.asked: list[str] = []
        self.status = status or SimpleNamespace(runtime_status=SimpleNamespace(name="Running"))

    async def get_status(self, instance_id: str) -> Any:
        self.asked.append(instance_id)
        return self.status


async def go_on(patrol: Patrol, store: Store, client: Client) -> int:
    return await patrol.go_on(cast(Any, store), cast(Any, client))


async def test_each_time_some_are_looked_at_until_all_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "PER_ROUND", 2)
    patrol, store, client = Patrol(), Store(5), Client()
    for seen in (2, 4, 5):
        assert await go_on(patrol, store, client) == 0
        assert len(client.asked) == seen
    assert client.asked == [instance_id for _, instance_id in store.ids]
    assert store.scans == 1


async def test_a_round_begins_once_a_minute_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(recovery, "monotonic", lambda: now[0])
    patrol, store, client = Patrol(), Store(1), Client()
    for _ in range(3):
        await go_on(patrol, store, client)
    assert store.scans == 1
    now[0] += 60
    await go_on(patrol, store, client)
    assert store.scans == 2


async def test_what_is_missing_once_or_fails_to_answer_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "ROUND_EVERY_S", 0.0)
    marked: list[str] = []

    async def mark(_store: Any, _client: Any, _tenant: str, instance_id: str, ended: str) -> bool:
        marked.append(f"{instance_id} {ended}")
        return True

    monkeypatch.setattr(recovery, "_mark", mark)
    patrol, store = Patrol(), Store(1)
    missing = Client(SimpleNamespace(runtime_status=None))
    broken = Client(SimpleNamespace(runtime_status=None, Message="Something went wrong"))
    for client in (missing, broken, missing, Client(), missing):
        await go_on(patrol, store, client)
    assert not marked
    await go_on(patrol, store, missing)
    assert marked == ["i0 missing"]
