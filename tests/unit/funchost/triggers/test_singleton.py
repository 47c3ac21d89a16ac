import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError, ServiceRequestError

from funchost.triggers import singleton
from funchost.triggers.singleton import SingletonLock


def _conflict() -> HttpResponseError:
    error = HttpResponseError("taken")
    error.status_code = 409
    return error


class _Storage:
    """A container with one blob; `errors` are raised by the next tries to lease it, in order."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0
        self.made: list[str] = []
        self.released = 0
        self.renewal_error: Exception | None = None
        self.renewed = asyncio.Event()

    def get_container_client(self, name: str) -> Any:
        return SimpleNamespace(get_blob_client=lambda name: self, create_container=self._create)

    async def _create(self) -> None:
        self.made.append("container")

    async def upload_blob(self, content: bytes, *, overwrite: bool) -> None:
        self.made.append("blob")

    async def acquire_lease(self, seconds: int) -> Any:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return self

    async def renew(self) -> None:
        self.renewed.set()
        if self.renewal_error is not None:
            raise self.renewal_error

    async def release(self) -> None:
        self.released += 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(singleton, "_RECOVERY_S", 0.0)
    monkeypatch.setattr(singleton, "_RENEWAL_S", 0.0)


async def test_a_lock_that_is_free_is_had_and_given_back() -> None:
    storage = _Storage()
    lock = SingletonLock(storage, "host", "f")
    assert not lock.is_held
    assert await lock.acquire(asyncio.Event())
    assert lock.is_held
    await storage.renewed.wait()
    await lock.release()
    assert (lock.is_held, storage.released) == (False, 1)


async def test_the_blob_is_made_when_it_is_missing() -> None:
    storage = _Storage(ResourceNotFoundError())
    lock = SingletonLock(storage, "host", "f")
    assert await lock.acquire(asyncio.Event())
    assert storage.made == ["blob"]
    await lock.release()


async def test_a_taken_lock_and_storage_that_is_away_are_waited_for() -> None:
    storage = _Storage(_conflict(), ServiceRequestError("away"), _conflict())
    lock = SingletonLock(storage, "host", "f")
    assert await lock.acquire(asyncio.Event())
    assert storage.tries == 4
    await lock.release()


async def test_a_host_that_stops_waits_no_longer() -> None:
    stopping = asyncio.Event()
    stopping.set()
    assert not await SingletonLock(_Storage(_conflict()), "host", "f").acquire(stopping)


async def test_a_lock_that_went_to_another_host_is_held_no_more() -> None:
    storage = _Storage()
    lock = SingletonLock(storage, "host", "f")
    assert await lock.acquire(asyncio.Event())
    storage.renewal_error = _conflict()
    async with asyncio.timeout(5):
        while lock.is_held:  # noqa: ASYNC110 (a flag, no event)
            await asyncio.sleep(0)
    await lock.release()
    assert storage.released == 0


async def test_a_renewal_that_fails_for_once_keeps_the_lock() -> None:
    storage = _Storage()
    lock = SingletonLock(storage, "host", "f")
    assert await lock.acquire(asyncio.Event())
    storage.renewal_error = ServiceRequestError("away")
    storage.renewed.clear()
    await storage.renewed.wait()
    assert lock.is_held
    await lock.release()
