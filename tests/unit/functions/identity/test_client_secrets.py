from functions.identity.client_secrets import ClientSecrets
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
