"""The log on real tables: concurrent appenders, repeated events, restarts, proofs and tenants."""

import asyncio
from base64 import b64decode
from typing import Any

import orjson

from functions.audit import merkle
from functions.audit.appender import Appender
from functions.audit.entry import Entry, read_entry
from functions.audit.repository import LeafFilter
from functions.audit.service import AuditService

from .conftest import MakeRepository

TRACE = "0af7651916cd43dd8448eb211c80319c"


def event(number: int, tenant: str = "acme", **more: Any) -> Entry:
    document = {
        "specversion": "1.0",
        "id": f"event-{number}",
        "source": "/processing",
        "type": "processing.job.completed",
        "tenantid": tenant,
        "subject": f"job-{number}",
        "correlationid": f"instance-{number % 3}",
        "data": {"number": number},
    }
    return read_entry(orjson.dumps({**document, **more}))


async def append_all(appender: Appender, entries: list[Entry]) -> None:
    await asyncio.gather(*(appender.append(entry) for entry in entries))


def proven(leaf: bytes, index: int, proof: Any) -> bool:
    path = [bytes.fromhex(step) for step in proof.path]
    return merkle.verify_inclusion(index, proof.size, merkle.leaf_hash(leaf), path, bytes.fromhex(proof.root_hash))


async def test_concurrent_appenders_lose_nothing_and_append_nothing_twice(make_repository: MakeRepository) -> None:
    appenders = [Appender(make_repository()) for _ in range(3)]
    entries = [event(number) for number in range(120)]
    # Every event goes to two appenders, as a redelivery to another replica would.
    await asyncio.gather(
        append_all(appenders[0], entries[:80]),
        append_all(appenders[1], entries[40:]),
        append_all(appenders[2], entries[:40] + entries[80:]),
    )
    repository = make_repository()
    leaves, _ = await repository.leaves("acme", LeafFilter(), -1, 1000)
    assert [leaf.index for leaf in leaves] == list(range(120))
    assert {leaf.leaf for leaf in leaves} == {entry.leaf for entry in entries}
    head = await repository.head("acme")
    assert head.tree.size == 120
    assert head.tree.root == merkle.hash_of_hashes([leaf.leaf_hash for leaf in leaves])


async def test_a_restarted_appender_goes_on_where_the_log_ended(make_repository: MakeRepository) -> None:
    await append_all(Appender(make_repository()), [event(number) for number in range(30)])
    restarted = Appender(make_repository())
    await append_all(restarted, [event(number) for number in range(20, 50)])
    checkpoint = await AuditService(make_repository()).checkpoint("acme")
    assert checkpoint.size == 50
    before = await AuditService(make_repository()).consistency("acme", 30, 50)
    path = [bytes.fromhex(step) for step in before.path]
    old, new = bytes.fromhex(before.first_hash), bytes.fromhex(before.second_hash)
    assert new.hex() == checkpoint.root_hash
    assert merkle.verify_consistency(30, 50, old, new, path)


async def test_proofs_hold_over_full_tiles_and_older_sizes(make_repository: MakeRepository) -> None:
    await append_all(Appender(make_repository()), [event(number) for number in range(300)])
    service = AuditService(make_repository())
    page = await service.events("acme", LeafFilter(), None, 1000)
    for index, size in [(0, 300), (255, 300), (256, 300), (299, 300), (17, 256), (0, 1)]:
        assert proven(b64decode(page.items[index].leaf), index, await service.inclusion("acme", index, size))
    forged = page.items[17].leaf.encode() + b" "
    assert not proven(forged, 17, await service.inclusion("acme", 17, 300))


async def test_a_tenant_sees_its_own_log_only(make_repository: MakeRepository) -> None:
    appender = Appender(make_repository())
    await append_all(appender, [event(1, "acme"), event(1, "globex"), event(2, "globex")])
    service = AuditService(make_repository())
    assert [item.event["tenantid"] for item in (await service.events("acme", LeafFilter(), None, 10)).items] == ["acme"]
    assert (await service.checkpoint("globex")).size == 2
    empty = await service.checkpoint("nobody")
    assert (empty.size, empty.root_hash) == (0, merkle.EMPTY_ROOT.hex())


async def test_events_are_found_by_correlation_trace_type_and_subject_page_by_page(
    make_repository: MakeRepository,
) -> None:
    entries = [event(number) for number in range(20)]
    entries.append(event(20, traceparent=f"00-{TRACE}-b7ad6b7169203331-01", type="reporting.report.failed"))
    await append_all(Appender(make_repository()), entries)
    service = AuditService(make_repository())

    async def found(wanted: LeafFilter, limit: int = 100) -> list[str]:
        subjects, after = list[str](), None
        while True:
            page = await service.events("acme", wanted, after, limit)
            subjects += [item.event["subject"] for item in page.items]
            after = page.next
            if after is None:
                return sorted(subjects, key=lambda subject: int(subject.split("-")[1]))

    assert await found(LeafFilter(correlation_id="instance-1"), limit=3) == [f"job-{n}" for n in range(1, 20, 3)]
    assert await found(LeafFilter(trace_id=TRACE)) == ["job-20"]
    assert await found(LeafFilter(type="reporting.report.failed")) == ["job-20"]
    assert await found(LeafFilter(subject="job-7", correlation_id="instance-1")) == ["job-7"]
    assert await found(LeafFilter(correlation_id="other")) == []
    assert len(await found(LeafFilter(), limit=4)) == 21


async def test_a_large_event_keeps_its_exact_bytes(make_repository: MakeRepository) -> None:
    large = event(1, data={"text": "é" * 30_000})
    await Appender(make_repository()).append(large)
    service = AuditService(make_repository())
    [item] = (await service.events("acme", LeafFilter(), None, 10)).items
    assert b64decode(item.leaf) == large.leaf
    assert proven(large.leaf, 0, await service.inclusion("acme", 0, None))
