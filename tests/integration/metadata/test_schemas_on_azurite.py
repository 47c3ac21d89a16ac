"""Schemas through the HTTP trigger, on real tables, blobs and queues."""

import asyncio
from base64 import b64decode

import orjson
from azure.storage.queue.aio import QueueClient

from chassis.messaging.message import unpacked
from chassis.runtime import Runtime

from .conftest import Client

FLIGHT = {"type": "object", "required": ["carrier"], "properties": {"month": {"type": "integer", "maximum": 12}}}


async def test_a_new_document_is_a_new_version_and_the_same_one_is_not(client: Client) -> None:
    first = await client.ask("PUT", "/metadata/schemas/flight", FLIGHT)
    again = await client.ask("PUT", "/metadata/schemas/flight", dict(reversed(FLIGHT.items())))
    second = await client.ask("PUT", "/metadata/schemas/flight", {**FLIGHT, "title": "Flight"})
    older = await client.ask("PUT", "/metadata/schemas/flight", FLIGHT)
    answers = [first, again, second, older]
    assert [(a.status, a.body["version"]) for a in answers] == [(201, 1), (200, 1), (201, 2), (200, 1)]
    assert first.headers["etag"] == again.headers["etag"] != second.headers["etag"]
    latest = await client.ask("GET", "/metadata/schemas/flight/versions/latest")
    assert latest.body["version"] == 2
    assert latest.body["schema"]["title"] == "Flight"
    assert (await client.ask("GET", "/metadata/schemas/flight/versions/1")).body["schema"] == FLIGHT


async def test_concurrent_registrations_each_get_a_version_of_their_own(client: Client) -> None:
    documents = [{"title": f"number {n}"} for n in range(6)]
    answers = await asyncio.gather(*(client.ask("PUT", "/metadata/schemas/busy", each) for each in documents))
    assert sorted(a.body["version"] for a in answers) == [1, 2, 3, 4, 5, 6]
    listed = await client.ask("GET", "/metadata/schemas/busy/versions?limit=4")
    assert [v["version"] for v in listed.body["items"]] == [1, 2, 3, 4]
    rest = await client.ask("GET", f"/metadata/schemas/busy/versions?limit=4&after={listed.body['next']}")
    assert [v["version"] for v in rest.body["items"]] == [5, 6]
    assert rest.body["next"] is None


async def test_a_large_document_is_kept_whole(client: Client) -> None:
    large = {"enum": [f"value number {n}" for n in range(5_000)]}
    assert (await client.ask("PUT", "/metadata/schemas/large", large)).status == 201
    assert (await client.ask("GET", "/metadata/schemas/large/versions/1")).body["schema"] == large


async def test_if_match_guards_the_latest_version(client: Client) -> None:
    missing = await client.ask("PUT", "/metadata/schemas/guarded", FLIGHT, if_match='"nothing"')
    first = await client.ask("PUT", "/metadata/schemas/guarded", FLIGHT)
    good = await client.ask("PUT", "/metadata/schemas/guarded", {}, if_match=first.headers["etag"])
    stale = await client.ask("PUT", "/metadata/schemas/guarded", {"title": "x"}, if_match=first.headers["etag"])
    assert (missing.status, first.status, good.status, stale.status) == (412, 201, 201, 412)
    assert stale.body["type"] == "urn:problem:metadata:etag-mismatch"
    unchanged = await client.ask("GET", "/metadata/schemas/guarded/versions/2", if_none_match=good.headers["etag"])
    assert unchanged.status == 304


async def test_what_is_to_be_new_replaces_nothing(client: Client) -> None:
    for path, body in {
        "schemas/fresh": FLIGHT,
        "configuration/fresh": {"value": 1},
        "reference-data/fresh": {"items": {"a": 1}},
        "reference-data/fresh/b": {"value": 1},
    }.items():
        made = [await client.ask("PUT", f"/metadata/{path}", body, if_none_match="*") for _ in range(2)]
        assert [answer.status for answer in made] == [201, 412], path
        weak = await client.ask("PUT", f"/metadata/{path}", body, if_match="W/" + made[0].headers["etag"])
        unread = await client.ask("PUT", f"/metadata/{path}", body, if_match=made[0].headers["etag"].strip('"'))
        assert (weak.status, unread.status) == (412, 400), path


async def test_items_are_validated_with_place_and_reason(client: Client) -> None:
    await client.ask("PUT", "/metadata/schemas/flight", FLIGHT)
    items = [{"carrier": "UA", "month": 1}, {"month": 13}, {"carrier": "AA"}]
    answer = await client.ask("POST", "/metadata/schemas/flight/versions/latest/validate", {"items": items})
    assert answer.status == 200
    assert answer.body == {
        "valid": 2,
        "invalid": 1,
        "errors": [
            {"index": 1, "field": "/carrier", "reason": '"carrier" is a required property'},
            {"index": 1, "field": "/month", "reason": "13 is greater than the maximum of 12"},
        ],
    }


async def test_hostile_requests_get_a_clear_answer_and_change_nothing(client: Client) -> None:
    await client.ask("PUT", "/metadata/schemas/flight", {})
    validate = "/metadata/schemas/flight/versions/1/validate"
    cases = [
        (await client.ask("PUT", "/metadata/schemas/bad", body=b"{"), 400, "metadata:not-json"),
        (await client.ask("PUT", "/metadata/schemas/bad", {"type": "objekt"}), 422, "metadata:invalid-schema"),
        (
            await client.ask("PUT", "/metadata/schemas/bad", {"$ref": "file:///etc/passwd"}),
            422,
            "metadata:invalid-schema",
        ),
        (await client.ask("PUT", "/metadata/schemas/bad", {"a": "x" * 300_000}), 413, "metadata:document-too-large"),
        (await client.ask("PUT", "/metadata/schemas/..%2Fbad", {}), 404, None),
        (await client.ask("GET", "/metadata/schemas/bad/versions/0"), 400, "platform:invalid-input"),
        (await client.ask("GET", "/metadata/schemas/bad/versions/latest"), 404, "metadata:schema-not-found"),
        (await client.ask("POST", validate, {"items": {}}), 400, "metadata:not-json"),
        (await client.ask("POST", validate, {"items": [1] * 10_001}), 413, "metadata:batch-too-large"),
        (await client.ask("GET", "/metadata/schemas?after=x"), 400, "metadata:bad-page-token"),
    ]
    for answer, status, problem in cases:
        assert answer.status == status, answer
        assert problem is None or answer.body["type"] == f"urn:problem:{problem}"
    listed = await client.ask("GET", "/metadata/schemas")
    assert [(each["name"], each["version"]) for each in listed.body["items"]] == [("flight", 1)]


async def test_a_tenant_sees_its_own_schemas_only(client: Client) -> None:
    await client.ask("PUT", "/metadata/schemas/flight", FLIGHT)
    other = Client()
    assert (await other.ask("GET", "/metadata/schemas/flight/versions/latest")).status == 404
    assert (await other.ask("GET", "/metadata/schemas")).body["items"] == []
    assert (await other.ask("PUT", "/metadata/schemas/flight", {})).body["version"] == 1


async def test_a_registration_is_announced_once(client: Client, runtime: Runtime, azurite: str) -> None:
    await client.ask("PUT", "/metadata/schemas/announced", FLIGHT)
    await client.ask("PUT", "/metadata/schemas/announced", FLIGHT)
    await runtime.events.settle()
    async with QueueClient.from_connection_string(azurite, "audit-events") as queue:
        found = [unpacked(b64decode(m.content)) async for m in queue.receive_messages(messages_per_page=32)]
    messages = [orjson.loads(body) for bodies in found for body in bodies]
    mine = [m for m in messages if m["tenantid"] == client.tenant]
    assert [(m["type"], m["subject"], m["data"]["version"]) for m in mine] == [
        ("metadata.schema.registered", "announced", 1)
    ]
