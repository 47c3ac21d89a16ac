"""Secrets in a file."""

import asyncio
import json
from pathlib import Path

import pytest

from chassis.errors import DependencyUnavailable
from chassis.secrets.file import FileSecrets
from chassis.secrets.store import SecretNotFound


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "secrets.json"


async def test_what_is_put_is_given_back_and_forgotten_when_deleted(path: Path) -> None:
    store = FileSecrets(path)
    await store.put("t", "b", {"username": "u", "password": "p"})
    await store.put("t", "a", "token")
    assert await FileSecrets(path).get("t", "b") == {"username": "u", "password": "p"}
    assert await store.names("t") == ["a", "b"]
    await store.delete("t", "b")
    await store.delete("t", "b")
    with pytest.raises(SecretNotFound):
        await store.get("t", "b")
    assert await store.names("t") == ["a"]


async def test_tenants_do_not_see_each_others(path: Path) -> None:
    store = FileSecrets(path)
    await store.put("t", "a", "token")
    assert await store.names("other") == []
    with pytest.raises(SecretNotFound):
        await store.get("other", "a")


def test_only_the_owner_may_read_the_file(path: Path) -> None:
    asyncio.run(FileSecrets(path).put("t", "a", "token"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert {item.name for item in path.parent.iterdir()} == {"secrets.json", "secrets.lock"}


async def test_writers_of_several_processes_lose_nothing(path: Path) -> None:
    stores = [FileSecrets(path) for _ in range(4)]
    await asyncio.gather(*(store.put("t", f"s{number}", number) for number, store in enumerate(stores * 5)))
    assert len(await stores[0].names("t")) == 20


def test_a_file_that_is_no_store_is_said_to_be_unreadable(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(DependencyUnavailable) as refused:
        asyncio.run(FileSecrets(path).get("t", "a"))
    assert str(path) not in refused.value.detail
    path.write_text(json.dumps({"t": {"a": None}}))
    assert asyncio.run(FileSecrets(path).get("t", "a")) is None
