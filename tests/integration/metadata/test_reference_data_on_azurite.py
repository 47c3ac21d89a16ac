"""Reference data and configuration through the HTTP trigger, on real tables and blobs."""

import asyncio
from urllib.parse import quote

import pytest

from .conftest import Client

AIRLINES = {"UA": {"name": "United Air Lines Inc."}, "B6": {"name": "JetBlue Airways"}}


async def test_a_set_is_replaced_as_a_whole(client: Client) -> None:
    made = await client.ask("PUT", "/metadata/reference-data/airlines", {"items": AIRLINES})
    again = await client.ask("PUT", "/metadata/reference-data/airlines", {"items": AIRLINES})
    assert (made.status, again.status) == (201, 200)
    assert made.headers["etag"] == again.headers["etag"], "the same items are no change"
    smaller = await client.ask("PUT", "/metadata/reference-data/airlines", {"items": {"UA": AIRLINES["UA"]}})
    read = await client.ask("GET", "/metadata/reference-data/airlines")
    assert read.body["items"] == {"UA": AIRLINES["UA"]}
    assert (read.body["set"], read.body["revision"], read.headers["etag"]) == ("airlines", 2, smaller.headers["etag"])


async def test_a_set_larger_than_a_row_is_kept_in_a_blob_and_read_whole(client: Client) -> None:
    items = {f"key {n}": {"name": f"value number {n}"} for n in range(3_000)}
    for extra in ("first", "second"):
        items["extra"] = {"name": extra}
        assert (await client.ask("PUT", "/metadata/reference-data/large", {"items": items})).status in {200, 201}
        assert (await client.ask("GET", "/metadata/reference-data/large")).body["items"] == items


async def test_concurrent_changes_of_single_items_are_all_kept(client: Client) -> None:
    answers = await asyncio.gather(
        *(client.ask("PUT", f"/metadata/reference-data/busy/k{n}", {"value": n}) for n in range(5))
    )
    assert {answer.status for answer in answers} == {201}
    assert (await client.ask("GET", "/metadata/reference-data/busy")).body["items"] == {f"k{n}": n for n in range(5)}


async def test_if_match_on_an_item_is_about_that_item(client: Client) -> None:
    first = await client.ask("PUT", "/metadata/reference-data/airlines/UA", {"value": "United"})
    await client.ask("PUT", "/metadata/reference-data/airlines/AA", {"value": "American"})
    etag = first.headers["etag"]
    good = await client.ask("PUT", "/metadata/reference-data/airlines/UA", {"value": "United Air Lines"}, if_match=etag)
    stale = await client.ask("PUT", "/metadata/reference-data/airlines/UA", {"value": "x"}, if_match=etag)
    assert (first.status, good.status, stale.status) == (201, 200, 412)
    read = await client.ask("GET", "/metadata/reference-data/airlines/UA")
    assert read.body["value"] == "United Air Lines"
    assert (await client.ask("GET", "/metadata/reference-data/airlines/ZZ")).status == 404


@pytest.mark.parametrize("key", ["UA", "a b", "100%25", "ä?#", "+"])
async def test_what_was_made_lies_where_its_location_says(client: Client, key: str) -> None:
    made = await client.ask("PUT", f"/metadata/reference-data/odd/{quote(key)}", {"value": key})
    again = await client.ask("PUT", f"/metadata/reference-data/odd/{quote(key)}", {"value": key})
    assert (made.status, again.status, again.headers.get("location")) == (201, 200, None)
    assert (await client.ask("GET", made.headers["location"])).body["value"] == key


async def test_values_that_cannot_be_kept_are_refused(client: Client) -> None:
    for body in (b'{"value":"\\ud800"}', b'{"value":123456789012345678901234567890}', b'{"value":', b'{"val":1}'):
        answer = await client.ask("PUT", "/metadata/reference-data/hostile/k", body=body)
        assert answer.status == 400, answer
        assert (await client.ask("PUT", "/metadata/configuration/hostile", body=body)).status == 400
    assert (await client.ask("GET", "/metadata/reference-data/hostile")).status == 404


async def test_configuration_keeps_its_versions(client: Client) -> None:
    first = await client.ask("PUT", "/metadata/configuration/retention", {"value": {"days": 7}})
    same = await client.ask("PUT", "/metadata/configuration/retention", {"value": {"days": 7}})
    await client.ask("PUT", "/metadata/configuration/retention", {"value": {"days": 30}})
    back = await client.ask("PUT", "/metadata/configuration/retention", {"value": {"days": 7}})
    assert [(a.status, a.body["version"]) for a in (first, same, back)] == [(201, 1), (200, 1), (201, 3)]
    assert (await client.ask("GET", "/metadata/configuration/retention/versions/2")).body["value"] == {"days": 30}
    assert (await client.ask("GET", "/metadata/configuration/retention")).body["value"] == {"days": 7}
    assert (await Client().ask("GET", "/metadata/configuration/retention")).status == 404
