import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chassis.errors import DependencyUnavailable
from functions.identity.keys import rotation as module
from functions.identity.keys.private import FileKeys
from functions.identity.keys.ring import RETIRED_FOR, Algorithm
from functions.identity.keys.rotation import KeyRotation, Schedule
from functions.identity.keys.store import RingStore
from functions.identity.tokens import AccessTokens, itself
from tests.unit.functions.identity.parts import ISSUER, NOW, FakeTable, application


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RING_FRESH_FOR_S", 0)


def replica(table: FakeTable, folder: Path, clock: Clock, algorithm: Algorithm = "ES256") -> KeyRotation:
    schedule = Schedule(algorithm, every=timedelta(days=30), known_after=timedelta(minutes=1))
    return KeyRotation(RingStore(table), FileKeys(folder / "signing"), schedule, clock)


async def test_first_starts_at_once_agree_on_one_key_and_leave_no_other(tmp_path: Path) -> None:
    table, clock = FakeTable(), Clock()
    found = await asyncio.gather(*(replica(table, tmp_path, clock).keys() for _ in range(3)))
    assert len({keys.current.kid for keys in found}) == 1
    files = list((tmp_path / "signing").iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "signing").stat().st_mode) == 0o700


async def test_the_published_set_has_no_private_part(tmp_path: Path) -> None:
    for algorithm in ("RS256", "ES256"):
        keys = await replica(FakeTable(), tmp_path, Clock(), algorithm).keys()
        for key in keys.jwks()["keys"]:
            assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi"}
            assert key["alg"] == algorithm


async def test_tokens_stay_good_over_a_scheduled_rotation_until_they_are_gone(tmp_path: Path) -> None:
    table, clock = FakeTable(), Clock()
    one, two = replica(table, tmp_path, clock), replica(table, tmp_path, clock, "RS256")
    old = AccessTokens(ISSUER, "platform", await one.keys(), lambda: NOW).issue(itself(application()), "a.read")
    clock.at += timedelta(days=29)
    assert not await one.advance()
    clock.at += timedelta(days=1)
    assert await two.advance()
    assert not await one.advance()
    keys = await one.keys()
    assert AccessTokens(ISSUER, "platform", keys, lambda: NOW).read(old.value) is not None
    clock.at += RETIRED_FOR
    assert await one.advance()
    assert AccessTokens(ISSUER, "platform", await one.keys(), lambda: NOW).read(old.value) is None
    assert {key["alg"] for key in (await one.keys()).jwks()["keys"]} == {"ES256", "RS256"}


async def test_a_withdrawn_key_is_gone_everywhere_with_its_private_half_and_announced(tmp_path: Path) -> None:
    table, clock = FakeTable(), Clock()
    one, two = replica(table, tmp_path, clock), replica(table, tmp_path, clock)
    bad = (await one.keys()).current.kid
    assert bad is not None
    await two.withdraw(bad)
    keys = await one.keys()
    assert bad not in {key["kid"] for key in keys.jwks()["keys"]}
    assert keys.current.kid != bad
    assert not (tmp_path / "signing" / f"{bad}.jwk").exists()
    withdrawn = [event for _, event in table.events if event.type == "identity.key.withdrawn"]
    assert (bad, "withdrawn") in [(event.subject, event.data["state"]) for event in withdrawn]


@pytest.mark.parametrize("how_many", [1, 2])
async def test_keys_whose_private_half_is_lost_are_replaced(tmp_path: Path, how_many: int) -> None:
    table, clock = FakeTable(), Clock()
    lost = [str(key.kid) for key in (await replica(table, tmp_path, clock).keys()).published][:how_many]
    for kid in lost:
        (tmp_path / "signing" / f"{kid}.jwk").unlink()
    keys = await replica(table, tmp_path, clock).keys()
    assert keys.current.kid not in lost
    assert not {key["kid"] for key in keys.jwks()["keys"]} & set(lost)


async def test_the_present_keys_go_on_while_storage_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable()
    running = replica(table, tmp_path, Clock())
    before = await running.keys()

    async def away(partition: str, key: str) -> None:
        raise DependencyUnavailable("away")

    monkeypatch.setattr(table, "get", away)
    assert (await running.keys()).current.kid == before.current.kid
    with pytest.raises(DependencyUnavailable):
        await replica(table, tmp_path, Clock()).keys()


async def test_a_key_file_is_never_looked_for_outside_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key id"):
        await FileKeys(tmp_path).load("../clients")
