import pytest
from argon2 import PasswordHasher

from functions.identity.client_secrets import ClientSecrets
from functions.identity.errors import LockedOut
from tests.unit.functions.identity.parts import SECRET, secret_hash


async def test_only_the_hashed_secret_matches() -> None:
    secrets = ClientSecrets()
    assert await secrets.matches(secret_hash(), SECRET)
    assert not await secrets.matches(secret_hash(), SECRET + " ")


async def test_a_client_without_a_secret_matches_nothing_not_even_the_stand_in() -> None:
    secrets = ClientSecrets()
    assert not await secrets.matches(None, "nobody's")


async def test_a_hash_that_is_none_matches_nothing() -> None:
    assert not await ClientSecrets().matches("$argon2id$broken", SECRET)


class Counting(PasswordHasher):
    checks = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.checks += 1
        return super().verify(hash, password)


async def test_a_right_secret_is_put_through_argon2_once_a_minute_and_a_wrong_one_each_time() -> None:
    clock = [0.0]
    hasher = Counting()
    secrets = ClientSecrets(hasher, lambda: clock[0])
    for _ in range(3):
        assert await secrets.matches(secret_hash(), SECRET)
        assert not await secrets.matches(secret_hash(), "wrong")
    assert hasher.checks == 1 + 3
    clock[0] = 61
    assert await secrets.matches(secret_hash(), SECRET)
    assert hasher.checks == 5


async def test_a_rotated_secret_is_not_remembered_as_good() -> None:
    secrets = ClientSecrets()
    assert await secrets.matches(secret_hash(), SECRET)
    other = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("another")
    assert not await secrets.matches(other, SECRET)


async def test_whoever_is_locked_out_while_waiting_costs_no_argon2() -> None:
    hasher = Counting()

    def locked_out() -> None:
        raise LockedOut(1)

    with pytest.raises(LockedOut):
        await ClientSecrets(hasher).matches(secret_hash(), "wrong", locked_out)
    assert hasher.checks == 0
