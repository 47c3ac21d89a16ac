"""Messages and streams as their owner sees them, through the edge."""

from typing import Any

import orjson
import pytest

from chassis.settings import ROOT
from tests.integration.processing.conftest import Client
from tests.integration.processing.nodes import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAM: dict[str, Any] = {
    "key": "carrier",
    "eventTime": "time",
    "schema": {"carrier": "string", "time": "timestamp", "delay": "number"},
    "window": {"type": "tumbling", "sizeS": 60},
    "query": "SELECT COUNT(*) AS flights, AVG(delay) AS meanDelay FROM input",
    "idleAfterS": 1,
}
NDJSON = {"content-type": "application/x-ndjson"}


def a_flight(number: int, minute: int, delay: Any = 5.0, carrier: str = "UA") -> dict[str, Any]:
    return {"id": f"f{number}", "data": {"carrier": carrier, "time": f"2013-01-01T10:{minute:02d}:30Z", "delay": delay}}


async def windows(client: Client, name: str, count: int) -> list[dict[str, Any]]:
    """The final windows of a stream, once there are so many."""

    async def enough() -> list[dict[str, Any]] | None:
        answer = await client.ask("GET", f"/processing/streams/{name}/windows")
        assert answer.status_code == 200, answer.text
        items = [item for item in answer.json()["items"] if item["final"]]
        return items if len(items) >= count else None

    return await until(enough)


async def late_of(client: Client, name: str) -> list[dict[str, Any]]:
    """The late messages of a stream, once there are some."""

    async def listed() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await client.ask("GET", f"/processing/streams/{name}/late")).json()["items"]
        return items

    return await until(listed)


async def poison_of(client: Client, message_id: str) -> dict[str, Any]:
    """The poison that a message became, once it is kept, which comes after the results of its batch."""

    async def kept() -> dict[str, Any] | None:
        items = (await client.ask("GET", "/processing/poison")).json()["items"]
        return next((item for item in items if item["messageId"] == message_id), None)

    return await until(kept)


async def test_messages_come_as_json_and_ndjson_and_give_windows(client: Client) -> None:
    put = await client.ask("PUT", "/processing/streams/flights", json=STREAM)
    assert put.status_code == 201, put.text
    assert put.json()["columns"] == ["flights", "meanDelay"]
    sent = await client.ask(
        "POST", "/processing/streams/flights/messages", json={"messages": [a_flight(1, 0, 10), a_flight(2, 0, 20)]}
    )
    assert (sent.status_code, sent.json()) == (202, {"accepted": 2, "rejected": []})
    flights = [a_flight(2, 0, 20), a_flight(3, 1), a_flight(4, 2), a_flight(5, 3)]
    lines = b"\n".join(map(orjson.dumps, flights))
    sent = await client.ask(
        "POST", "/processing/streams/flights/messages", content=lines + b'\nnonsense\n{"id":"x"}', headers=NDJSON
    )
    assert sent.json()["accepted"] == 4
    assert [item["index"] for item in sent.json()["rejected"]] == [4, 5]
    found = await windows(client, "flights", 3)
    assert found[0] == {
        "key": "UA", "start": "2013-01-01T10:00:00Z", "end": "2013-01-01T10:01:00Z", "pane": 1, "final": True,
        "values": {"flights": 2, "meanDelay": 15.0},
    }  # fmt: skip
    page = (await client.ask("GET", "/processing/streams/flights/windows?limit=2&from=2013-01-01T10:01:00Z")).json()
    assert [item["start"] for item in page["items"]] == ["2013-01-01T10:01:00Z", "2013-01-01T10:02:00Z"]
    first = (await client.ask("GET", "/processing/streams/flights/windows?limit=2")).json()
    rest = (await client.ask("GET", f"/processing/streams/flights/windows?limit=2&after={first['next']}")).json()
    assert [item["start"][-6:-4] for item in [*first["items"], *rest["items"]]] == ["00", "01", "02"]
    late = await client.ask("POST", "/processing/streams/flights/messages", json={"messages": [a_flight(9, 0)]})
    assert late.json()["accepted"] == 1
    assert await late_of(client, "flights") == [a_flight(9, 0)]


async def test_the_example_of_the_documentation_gives_what_it_says(client: Client) -> None:
    folder = ROOT / "examples" / "streams"
    definition = orjson.loads((folder / "stream.json").read_bytes())
    assert (await client.ask("PUT", "/processing/streams/example", json=definition)).status_code == 201
    messages = (folder / "messages.ndjson").read_bytes()
    await client.ask("POST", "/processing/streams/example/messages", content=messages, headers=NDJSON)
    found = {(item["key"], item["start"][-6:-4]): item["values"] for item in await windows(client, "example", 4)}
    assert found["UA", "00"] == {"flights": 3, "meanDelay": 20.0, "worst": 30.0}
    assert found["AA", "01"]["flights"] == 1
    assert [item["id"] for item in await late_of(client, "example")] == ["u6"]


async def test_the_example_of_the_document_is_taken_with_messages_that_fit_it(client: Client) -> None:
    document = (await client.ask("GET", "/gateway/openapi.json")).json()
    (definition,) = document["components"]["schemas"]["processing.StreamRequest"]["examples"]
    put = await client.ask("PUT", "/processing/streams/told", json=definition)
    assert (put.status_code, put.json()["columns"]) == (201, ["flights", "meanDelay"])
    sent = await client.ask("POST", "/processing/streams/told/messages", json={"messages": [a_flight(1, 0)]})
    assert sent.json() == {"accepted": 1, "rejected": []}


async def test_poison_is_listed_with_its_reason_replayed_and_discarded(client: Client) -> None:
    await client.ask("PUT", "/processing/streams/poisoned", json=STREAM)
    await client.ask("POST", "/processing/streams/poisoned/messages", json={"messages": [a_flight(1, 0, "much")]})
    item = await poison_of(client, "f1")
    assert (item["target"], item["reason"]) == ("stream:poisoned", "'delay' is not a number")
    path = f"/processing/poison/{item['id']}"
    assert (await client.ask("GET", path)).json() == item
    assert (await client.ask("POST", f"{path}/replay")).status_code == 202
    assert (await poison_of(client, "f1"))["id"] == item["id"]
    assert (await client.ask("DELETE", path)).status_code == 204
    assert (await client.ask("DELETE", path)).status_code == 404


async def test_a_stream_may_name_a_schema_by_which_its_messages_are_checked(client: Client) -> None:
    carrier = {"type": "string", "pattern": "^[A-Z0-9]{2}$"}
    properties = {"carrier": carrier, "time": {"type": "string", "format": "date-time"}, "delay": {"type": "number"}}
    document = {"type": "object", "properties": properties, "required": ["carrier", "time"]}
    assert (await client.ask("PUT", "/metadata/schemas/departure", json=document)).is_success
    named = {**STREAM, "schema": {"name": "departure"}}
    put = await client.ask("PUT", "/processing/streams/checked", json=named)
    assert put.status_code == 201, put.text
    assert put.json()["definition"]["reference"] == {"name": "departure", "version": 1}
    assert put.json()["definition"]["schema"] == STREAM["schema"]
    assert (await client.ask("PUT", "/processing/streams/checked", json=named)).status_code == 200
    messages = [a_flight(71, 0), a_flight(72, 0, carrier="united"), a_flight(73, 1)]
    await client.ask("POST", "/processing/streams/checked/messages", json={"messages": messages})
    assert [item["values"]["flights"] for item in await windows(client, "checked", 1)] == [1]
    assert (await poison_of(client, "f72"))["reason"].startswith("/carrier: ")


async def test_a_stream_is_listed_described_and_deleted(client: Client) -> None:
    await client.ask("PUT", "/processing/streams/short-lived", json=STREAM)
    assert (await client.ask("PUT", "/processing/streams/short-lived", json=STREAM)).status_code == 200
    other = {**STREAM, "window": {"type": "tumbling", "sizeS": 30}}
    assert (await client.ask("PUT", "/processing/streams/short-lived", json=other)).status_code == 409
    described = (await client.ask("GET", "/processing/streams/short-lived")).json()
    assert described["definition"]["window"] == {"type": "tumbling", "sizeS": 60.0}
    names = [item["name"] for item in (await client.ask("GET", "/processing/streams")).json()["items"]]
    assert "short-lived" in names
    assert (await client.ask("DELETE", "/processing/streams/short-lived")).status_code == 204
    assert (await client.ask("GET", "/processing/streams/short-lived")).status_code == 404


@pytest.mark.parametrize(("method", "path", "body", "status"), [
    ("PUT", "/processing/streams/Bad_Name", STREAM, 422),
    ("PUT", "/processing/streams/bad", {**STREAM, "query": "SELECT COUNT(*) FROM secret"}, 422),
    ("PUT", "/processing/streams/bad", {**STREAM, "query": "SELECT COUNT(nothing) FROM input"}, 422),
    ("PUT", "/processing/streams/bad", {**STREAM, "query": "SELECT read_text('/etc/passwd') FROM input"}, 422),
    ("PUT", "/processing/streams/bad", {**STREAM, "sink": "email"}, 422),
    ("PUT", "/processing/streams/bad", {**STREAM, "schema": {"name": "nobodys"}}, 422),
    ("PUT", "/processing/streams/bad", {**STREAM, "eventTime": "other"}, 422),
    ("POST", "/processing/streams/nobody/messages", {"messages": [a_flight(1, 0)]}, 404),
    ("POST", "/processing/messages", {"handler": "nobody", "messages": [{"data": 1}]}, 422),
    ("POST", "/processing/messages", {"handler": "nobody", "messages": []}, 400),
    ("POST", "/processing/messages", {"messages": [{"data": 1}]}, 400),
    ("POST", "/processing/messages", [], 400),
    ("GET", "/processing/poison/00000000000000000000000000000000", None, 404),
    ("GET", "/processing/poison?after=%ff", None, 400),
    ("GET", "/processing/streams/flights/windows?from=yesterday", None, 422),
    ("GET", "/processing/streams/flights/windows?limit=0", None, 422),
])  # fmt: skip
async def test_what_can_not_be_done_is_refused_with_a_problem(
    client: Client, method: str, path: str, body: Any, status: int
) -> None:
    answer = await client.ask(method, path, **({} if body is None else {"json": body}))
    assert answer.status_code in {400, status}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
