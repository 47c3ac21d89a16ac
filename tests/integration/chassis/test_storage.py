"""Tables, blobs, queues and the outbox on a real Azurite."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import aiohttp
import orjson
import pytest

from chassis.context import CallContext, Principal, calling
from chassis.errors import DependencyUnavailable
from chassis.messaging.events import Event
from chassis.messaging.message import event_from_json, unpacked
from chassis.runtime import Runtime
from chassis.settings import Settings
from chassis.storage.rows import Delete, Insert, Replace, RowChanged, RowExists, Upsert
from chassis.storage.tables import Table

CALL = CallContext(Principal("ada", "acme"), "run-1")


@pytest.fixture
async def runtime(azurite: str) -> AsyncIterator[Runtime]:
    settings = Settings(storage_connection=azurite, event_subscriptions={f"audit-{uuid4().hex[:8]}": ("*",)})
    opened = Runtime("metadata", settings)
    with calling(CALL):
        yield opened
    await opened.close()


@pytest.fixture
def table(runtime: Runtime) -> Table:
    return runtime.tables.table(f"t{uuid4().hex}")


async def announced(runtime: Runtime) -> list[str]:
    (queue,) = runtime.settings.event_subscriptions
    messages = await runtime.queues.receiver(queue).peek()
    bodies = [body for message in messages for body in unpacked(message)]
    return [event_from_json(body).get_type() for body in bodies]


async def test_a_missing_table_has_no_rows(table: Table) -> None:
    assert await table.get("acme", "a") is None
    assert [row async for row in table.query("acme")] == []


async def test_values_come_back_as_they_were(table: Table) -> None:
    values = {"text": "é'/\\#?", "wide": 2**40, "small": 7, "ratio": 0.1, "flag": True, "raw": b"\x00\xff"}
    await table.insert("acme", "a/b#c", {**values, "nothing": None})
    row = await table.get("acme", "a/b#c")
    assert row is not None
    assert (row.partition, row.key, dict(row.values)) == ("acme", "a/b#c", values)


async def test_a_row_is_inserted_once(table: Table) -> None:
    await table.insert("acme", "a", {"n": 1})
    with pytest.raises(RowExists):
        await table.insert("acme", "a", {"n": 2})


async def test_of_two_writers_with_the_same_etag_one_is_refused(table: Table) -> None:
    await table.insert("acme", "a", {"n": 1})
    row = await table.get("acme", "a")
    assert row is not None
    await table.replace("acme", "a", {"n": 2}, row.etag)
    with pytest.raises(RowChanged):
        await table.replace("acme", "a", {"n": 3}, row.etag)
    with pytest.raises(RowChanged):
        await table.delete("acme", "a", row.etag)
    assert (await table.get("acme", "a") or row)["n"] == 2


async def test_deleting_what_is_not_there_is_no_error(table: Table) -> None:
    await table.delete("acme", "a")
    await table.insert("acme", "a", {})
    await table.delete("acme", "a")
    assert await table.get("acme", "a") is None


async def test_rows_are_found_by_prefix_place_and_value(table: Table) -> None:
    for key in ("a/1", "a/2", "a/3", "b/1"):
        await table.insert("acme", key, {"n": int(key[-1])})
    await table.insert("other", "a/9", {"n": 9})
    assert [row.key async for row in table.query("acme", prefix="a/")] == ["a/1", "a/2", "a/3"]
    assert [row.key async for row in table.query("acme", after="a/2")] == ["a/3", "b/1"]
    assert [row.key async for row in table.query("acme", where="n eq @n", parameters={"n": 1})] == ["a/1", "b/1"]
    assert [row.key async for row in table.query("acme", limit=2)] == ["a/1", "a/2"]


async def test_a_commit_is_all_or_nothing(table: Table) -> None:
    await table.insert("acme", "a", {"n": 1})
    with pytest.raises(RowExists):
        await table.commit("acme", [Insert("b", {}), Insert("a", {})], [Event("thing.made", "b")])
    with pytest.raises(RowChanged):
        await table.commit("acme", [Insert("b", {}), Replace("a", {}, 'W/"no"')], [Event("thing.made", "b")])
    assert await table.get("acme", "b") is None
    assert await table.outbox_rows() == []


async def test_an_event_is_announced_after_its_commit(table: Table, runtime: Runtime) -> None:
    await table.insert("acme", "old", {})
    await table.commit("acme", [Upsert("a", {"n": 1}), Delete("old")], [Event("thing.made", "a", {"n": 1})])
    await runtime.events.settle()
    assert await announced(runtime) == ["thing.made"]
    await runtime.tables.settle()
    assert await table.outbox_rows() == []


async def test_the_events_of_a_commit_are_one_row_and_one_message(
    table: Table, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.events, "publish_soon", lambda *_: None)
    monkeypatch.setattr("chassis.messaging.outbox.SETTLE_S", -1)
    events = [Event(f"thing.{what}", "a", id=what) for what in ("made", "seen", "lost")]
    await table.commit("acme", [Insert("a", {})], events)
    assert len(await table.outbox_rows()) == 1
    assert await runtime.events.relay(table) == 1
    (queue,) = runtime.settings.event_subscriptions
    [message] = await runtime.queues.receiver(queue).peek()
    assert [orjson.loads(body)["id"] for body in unpacked(message)] == ["made", "seen", "lost"]
    assert await table.outbox_rows() == []


async def test_rows_are_removed_together_and_one_that_is_gone_does_no_harm(table: Table, runtime: Runtime) -> None:
    for key in ("a", "b", "c", "d"):
        await table.insert("acme", key, {})
    for key in ("a", "b", "gone", "b", "c"):
        table.remove_soon("acme", key)
    await runtime.tables.settle()
    assert [row.key async for row in table.query("acme")] == ["d"]


async def test_the_largest_event_is_kept_and_announced(table: Table, runtime: Runtime) -> None:
    await table.commit("acme", [Insert("a", {})], [Event("thing.made", "a", {"text": "é" * 8_000})])
    await runtime.events.settle()
    assert await announced(runtime) == ["thing.made"]


async def test_an_event_whose_process_died_is_announced_by_the_relay(
    table: Table, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.events, "publish_soon", lambda *_: None)
    monkeypatch.setattr("chassis.messaging.outbox.SETTLE_S", -1)
    await table.commit("acme", [Insert("a", {})], [Event("thing.made", "a")])
    assert [row.key async for row in table.query("acme")] == ["a"]
    assert await runtime.events.relay(table) == 1
    assert await announced(runtime) == ["thing.made"]
    assert await runtime.events.relay(table) == 0


async def test_a_blob_is_written_once_when_asked_so(runtime: Runtime) -> None:
    container = runtime.blobs.container(f"c{uuid4().hex[:8]}")
    assert await container.get("a/b.csv") is None
    await container.put("a/b.csv", b"12345", if_absent=True)
    with pytest.raises(RowExists):
        await container.put("a/b.csv", b"x", if_absent=True)
    assert await container.get_range("a/b.csv", 3, 10) == b"45"
    assert await container.size("a/b.csv") == 5
    assert [name async for name in container.list("a/")] == ["a/b.csv"]
    await container.delete("a/b.csv")
    await container.delete("a/b.csv")
    assert await container.size("a/b.csv") is None


async def test_an_upload_address_takes_bytes_and_gives_none(runtime: Runtime) -> None:
    container = runtime.blobs.container(f"c{uuid4().hex[:8]}")
    url = await container.upload_url("f.csv", timedelta(minutes=5))
    async with aiohttp.ClientSession() as session:
        async with session.put(url, data=b"hello", headers={"x-ms-blob-type": "BlockBlob"}) as answer:
            assert answer.status == 201
        async with session.get(url) as answer:
            assert answer.status == 403
        async with session.get(await container.download_url("f.csv", timedelta(minutes=5))) as answer:
            assert await answer.read() == b"hello"
    found = await container.version("f.csv")
    assert found is not None
    assert await container.get_range("f.csv", 0, 5, found[1]) == b"hello"
    await container.put("f.csv", b"other")
    with pytest.raises(RowChanged):
        await container.get_range("f.csv", 0, 5, found[1])


async def test_storage_that_is_away_is_a_dependency_that_is_unavailable() -> None:
    gone = "AccountName=a;AccountKey=a2V5;" + "".join(
        f"{p}Endpoint=http://127.0.0.1:9/a;" for p in ("Table", "Queue", "Blob")
    )
    runtime = Runtime("metadata", Settings(storage_connection=gone))
    with calling(CALL), pytest.raises(DependencyUnavailable):
        await runtime.tables.table("things").get("acme", "a")
    with pytest.raises(DependencyUnavailable):
        await runtime.queues.put("things", b"{}")
    await runtime.close()
