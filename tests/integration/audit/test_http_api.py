"""The audit API as a client sees it: everything it needs to check the log by itself."""

import json
from base64 import b64decode
from hashlib import sha256

import pytest

from functions.audit import merkle
from functions.audit.appender import Appender

from .conftest import Ask, MakeRepository
from .test_log_on_azurite import append_all, event


async def test_a_client_can_check_its_trail_with_a_hash_function_alone(
    make_repository: MakeRepository, ask: Ask
) -> None:
    await append_all(Appender(make_repository()), [event(number) for number in range(9)])
    _, page = await ask("/audit/events?correlationId=instance-2", "acme")
    _, checkpoint = await ask("/audit/checkpoint", "acme")
    assert (len(page["items"]), page["next"], checkpoint["size"]) == (3, None, 9)
    for item in page["items"]:
        leaf = b64decode(item["leaf"])
        assert json.loads(leaf) == item["event"]
        assert sha256(b"\0" + leaf).hexdigest() == item["leafHash"]
        _, proof = await ask(f"/audit/proofs/inclusion?index={item['index']}&size={checkpoint['size']}", "acme")
        assert proof["leafHash"] == item["leafHash"]
        path = [bytes.fromhex(step) for step in proof["path"]]
        root = bytes.fromhex(checkpoint["rootHash"])
        assert merkle.verify_inclusion(item["index"], 9, merkle.leaf_hash(leaf), path, root)


async def test_an_earlier_checkpoint_is_proven_to_be_a_prefix(make_repository: MakeRepository, ask: Ask) -> None:
    appender = Appender(make_repository())
    await append_all(appender, [event(number) for number in range(5)])
    _, earlier = await ask("/audit/checkpoint", "acme")
    await append_all(appender, [event(number) for number in range(5, 12)])
    _, later = await ask("/audit/checkpoint", "acme")
    _, proof = await ask(f"/audit/proofs/consistency?first={earlier['size']}&second={later['size']}", "acme")
    path = [bytes.fromhex(step) for step in proof["path"]]
    roots = bytes.fromhex(earlier["rootHash"]), bytes.fromhex(later["rootHash"])
    assert merkle.verify_consistency(5, 12, *roots, path)
    assert not merkle.verify_consistency(5, 12, *reversed(roots), path)


async def test_pages_are_joined_by_an_opaque_token(make_repository: MakeRepository, ask: Ask) -> None:
    await append_all(Appender(make_repository()), [event(number) for number in range(5)])
    _, first = await ask("/audit/events?limit=3", "acme")
    _, second = await ask(f"/audit/events?limit=3&after={first['next']}", "acme")
    assert [item["index"] for item in first["items"] + second["items"]] == [0, 1, 2, 3, 4]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("path", "status", "problem"),
    [
        ("/audit/events?after=x", 400, "urn:problem:audit:bad-page-token"),
        ("/audit/events?limit=0", 400, "urn:problem:platform:invalid-input"),
        ("/audit/events?traceId=nonsense", 400, "urn:problem:platform:invalid-input"),
        ("/audit/proofs/inclusion?index=2&size=2", 400, "urn:problem:audit:impossible-proof"),
        ("/audit/proofs/inclusion?index=0&size=7", 404, "urn:problem:audit:leaf-not-found"),
        ("/audit/proofs/inclusion?index=-1", 400, "urn:problem:platform:invalid-input"),
        ("/audit/proofs/consistency?first=2&second=1", 400, "urn:problem:audit:impossible-proof"),
        ("/audit/proofs/consistency?first=1&second=4", 404, "urn:problem:audit:leaf-not-found"),
    ],
)
async def test_impossible_questions_get_a_clear_answer(
    make_repository: MakeRepository, ask: Ask, path: str, status: int, problem: str
) -> None:
    await append_all(Appender(make_repository()), [event(number) for number in range(3)])
    answered, body = await ask(path, "acme")
    assert (answered, body["type"]) == (status, problem)


async def test_nobody_reads_a_log_without_a_token(ask: Ask) -> None:
    status, body = await ask("/audit/events", None)
    assert (status, body["type"]) == (401, "urn:problem:platform:unauthorized")
