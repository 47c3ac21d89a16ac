import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.identity.assertions import CheckedAssertion
from functions.identity.errors import InvalidClient
from functions.identity.repository import AssertionLog, Clients, ClientsUnreadable, Revocations, purge_expired
from tests.unit.functions.identity.parts import FakeTable, secret_hash, service_client, service_key


def entry(client_id: str = "demo", **changes: Any) -> dict[str, Any]:
    known = {"clientId": client_id, "tenant": "acme", "kind": "application", "scopes": ["audit.read"]}
    return {**known, "jwk": None, "secretHash": secret_hash(), **changes}


def write(path: Path, content: Any) -> None:
    """Replace the file in one step, as its writer does; the new file has another inode."""
    draft = path.with_suffix(".draft")
    draft.write_text(content if isinstance(content, str) else json.dumps(content))
    os.replace(draft, path)


async def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "clients.json"
    write(path, [entry()])
    clients = Clients(path)
    assert await clients.find("demo") is not None
    write(path, [entry("other")])
    assert await clients.find("demo") is None
    assert await clients.find("other") is not None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        [entry(), entry()],
        [entry(secretHash=None)],
        [entry(secretHash="plain text")],
        [entry(kind="god")],
        [entry(unknown=1)],
        [entry(jwk={"kty": "oct", "k": "AAAA"})],
        [entry(jwk=service_key().as_dict(private=True))],
    ],
)
async def test_a_bad_file_changes_nothing_and_its_hashes_are_not_logged(
    tmp_path: Path, content: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "clients.json"
    write(path, [entry()])
    clients = Clients(path)
    clients.check()
    write(path, content)
    assert await clients.find("demo") is not None
    assert "can't be used" in caplog.text
    assert secret_hash() not in caplog.text


async def test_without_any_good_file_there_are_no_clients_and_the_check_says_so(tmp_path: Path) -> None:
    clients = Clients(tmp_path / "none.json")
    assert await clients.find("demo") is None
    with pytest.raises(ClientsUnreadable):
        clients.check()


async def test_an_assertion_is_used_once_per_client() -> None:
    log = AssertionLog(FakeTable())
    one = CheckedAssertion(service_client(), "~outbox~1", 100)
    await log.use(one)
    with pytest.raises(InvalidClient):
        await log.use(one)
    other = service_client().model_copy(update={"client_id": "svc-audit"})
    await log.use(CheckedAssertion(other, "~outbox~1", 100))


async def test_a_jti_can_not_name_a_row_of_the_outbox() -> None:
    table = FakeTable()
    await AssertionLog(table).use(CheckedAssertion(service_client(), "~outbox~1", 100))
    assert [key for _, key in table.rows] == ["jti:~outbox~1"]


async def test_a_revocation_holds_in_its_tenant_and_may_be_repeated() -> None:
    revocations = Revocations(FakeTable())
    await revocations.add("acme", "t1", 100, [])
    await revocations.add("acme", "t1", 100, [])
    assert await revocations.holds("acme", "t1")
    assert not await revocations.holds("other", "t1")


async def test_only_what_has_expired_is_purged() -> None:
    table = FakeTable()
    revocations = Revocations(table)
    await revocations.add("acme", "old", 100, [])
    await revocations.add("acme", "new", 300, [])
    assert await purge_expired(table, datetime.fromtimestamp(200, UTC)) == 1
    assert (await revocations.holds("acme", "old"), await revocations.holds("acme", "new")) == (False, True)
