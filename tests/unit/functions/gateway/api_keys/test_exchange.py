import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from chassis.auth.service_token import ObtainedToken
from functions.gateway.api_keys.exchange import LOOK_AGAIN_AFTER_S, ApiKeyExchange, UnknownApiKey
from functions.gateway.api_keys.models import ApiKey
from functions.gateway.api_keys.secret import ApiKeySecret
from functions.gateway.api_keys.store import StoredApiKey

SECRET = ApiKeySecret.new("ab" * 16)


def stored(**changes: object) -> StoredApiKey:
    now = datetime.now(UTC)
    key = ApiKey(
        id=SECRET.id,
        name="n",
        subject="demo",
        kind="application",
        scopes=("metadata.read",),
        created_at=now,
        expires_at=now + timedelta(days=1),
    )
    return StoredApiKey("acme", key.model_copy(update=changes), SECRET.digest, "order")


class World:
    """One key in the store, an identity that gives numbered tokens, and a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.found: StoredApiKey | None = stored()
        self.looked = 0
        self.obtained = 0
        self.refused: set[str] = set()
        self.exchange = ApiKeyExchange(self, self.obtain, self.is_accepted, now=lambda: self.now)  # type: ignore[arg-type]

    async def find(self, id: str) -> StoredApiKey | None:
        self.looked += 1
        await asyncio.sleep(0)
        return self.found if id == SECRET.id else None

    async def obtain(self, of: StoredApiKey) -> ObtainedToken:
        self.obtained += 1
        await asyncio.sleep(0)
        return ObtainedToken(f"token-{self.obtained}", self.now + 300)

    async def is_accepted(self, token: str) -> bool:
        return token not in self.refused


async def test_a_token_is_kept_and_the_key_looked_at_again_every_two_seconds() -> None:
    world = World()
    assert [await world.exchange.token(SECRET.text) for _ in range(3)] == ["token-1"] * 3
    assert (world.looked, world.obtained) == (1, 1)
    world.now += LOOK_AGAIN_AFTER_S
    assert await world.exchange.token(SECRET.text) == "token-1"
    assert (world.looked, world.obtained) == (2, 1)


async def test_requests_that_come_at_once_have_one_look_at_key_and_identity() -> None:
    world = World()
    assert set(await asyncio.gather(*(world.exchange.token(SECRET.text) for _ in range(20)))) == {"token-1"}
    world.now += LOOK_AGAIN_AFTER_S
    assert set(await asyncio.gather(*(world.exchange.token(SECRET.text) for _ in range(20)))) == {"token-1"}
    assert (world.looked, world.obtained) == (2, 1)
    world.found = None
    world.now += LOOK_AGAIN_AFTER_S
    answers = await asyncio.gather(*(world.exchange.token(SECRET.text) for _ in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {UnknownApiKey}
    assert world.looked == 3


async def test_who_gives_up_waiting_takes_the_look_from_no_other() -> None:
    world = World()
    first, second = (asyncio.create_task(world.exchange.token(SECRET.text)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "token-1"
    assert (world.looked, world.obtained, first.cancelled()) == (1, 1, True)


async def test_a_token_whose_signing_key_was_withdrawn_is_replaced_at_the_next_look() -> None:
    world = World()
    await world.exchange.token(SECRET.text)
    world.refused.add("token-1")
    world.now += LOOK_AGAIN_AFTER_S
    assert [await world.exchange.token(SECRET.text) for _ in range(2)] == ["token-2"] * 2


async def test_a_token_near_its_end_is_not_given() -> None:
    world = World()
    await world.exchange.token(SECRET.text)
    world.now += 271
    assert await world.exchange.token(SECRET.text) == "token-2"


@pytest.mark.parametrize("changes", [{"revoked_at": datetime.now(UTC)}, {"expires_at": datetime.now(UTC)}])
async def test_a_key_that_is_revoked_or_expired_opens_nothing_after_the_next_look(changes: dict[str, object]) -> None:
    world = World()
    await world.exchange.token(SECRET.text)
    world.found = stored(**changes)
    world.now += LOOK_AGAIN_AFTER_S
    with pytest.raises(UnknownApiKey):
        await world.exchange.token(SECRET.text)


async def test_a_key_that_was_revoked_here_opens_nothing_at_once() -> None:
    world = World()
    await world.exchange.token(SECRET.text)
    world.found = None
    world.exchange.forget(SECRET.id)
    with pytest.raises(UnknownApiKey):
        await world.exchange.token(SECRET.text)


async def test_the_right_id_with_another_secret_is_refused_also_while_the_right_one_is_kept() -> None:
    world = World()
    await world.exchange.token(SECRET.text)
    with pytest.raises(UnknownApiKey):
        await world.exchange.token(ApiKeySecret.new(SECRET.id).text)


async def test_what_has_not_the_form_of_a_key_is_refused_without_a_look() -> None:
    world = World()
    with pytest.raises(UnknownApiKey):
        await world.exchange.token("Bearer x")
    assert world.looked == 0
