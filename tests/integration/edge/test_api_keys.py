"""API keys from order to revocation, through the edge."""

import json
from typing import Any

import httpx
import pytest
from azure.data.tables import TableServiceClient

from tests.integration.edge.edge import Edge
from tests.integration.edge.processes import wait_until

PATH = "/metadata/schemas/flight"


def order(edge: Edge, client: str = "demo", **changes: Any) -> httpx.Response:
    headers = changes.pop("headers", {})
    body = {"name": "nightly import", "scopes": ["metadata.read"], **changes}
    return edge.ask("POST", "/gateway/api-keys", edge.token(client), json=body, headers=headers)


def with_key(edge: Edge, key: str, path: str = PATH, method: str = "GET", **headers: str) -> httpx.Response:
    return edge.ask(method, path, headers={"x-api-key": key, **headers})


@pytest.fixture(scope="module")
def key(edge: Edge) -> dict[str, Any]:
    answer = order(edge)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_key_opens_what_its_owner_gave_it_with_the_same_claims_as_a_token(edge: Edge, key: dict[str, Any]) -> None:
    answer = with_key(edge, key["key"])
    assert answer.status_code == 200, answer.text
    seen = answer.json()["headers"]
    assert (seen["x-platform-tenant"], seen["x-platform-user"]) == ("acme", "demo")
    assert seen["authorization"].startswith("Bearer ")
    assert "x-api-key" not in seen
    assert with_key(edge, key["key"], method="PUT").status_code == 403


def test_the_secret_is_shown_once_and_stored_as_a_digest(edge: Edge, key: dict[str, Any]) -> None:
    listed = edge.ask("GET", "/gateway/api-keys", edge.token()).json()["items"]
    assert [one["name"] for one in listed if one["id"] == key["id"]] == ["nightly import"]
    assert edge.ask("GET", f"/gateway/api-keys/{key['id']}", edge.token()).json()["scopes"] == ["metadata.read"]
    secret = key["key"].rpartition("_")[2]
    with TableServiceClient.from_connection_string(edge.storage) as tables:
        rows = [dict(row) for row in tables.get_table_client("gatewayapikeys").list_entities()]
    assert rows
    assert secret not in json.dumps(rows, default=str) + json.dumps(listed)
    assert secret not in (edge.keys / "edge.log").read_text()


@pytest.mark.parametrize("change", ["cut", "other secret", "no key", "nothing", "twice"])
def test_a_wrong_key_is_answered_401(edge: Edge, key: dict[str, Any], change: str) -> None:
    sent = {
        "cut": key["key"][:-1],
        "other secret": key["key"][:-1] + ("a" if key["key"][-1] != "a" else "b"),
        "no key": "plk_" + "0" * 32 + "_" + "a" * 43,
        "nothing": "",
        "twice": f"{key['key']},{key['key']}",
    }[change]
    answer = with_key(edge, sent)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "API key is not known" in answer.json()["detail"] or change == "twice"
    assert key["key"] not in answer.text


def test_a_key_beside_a_token_is_refused(edge: Edge, key: dict[str, Any]) -> None:
    assert with_key(edge, key["key"], authorization=f"Bearer {edge.token()}").status_code == 401
    pairs = [("x-api-key", key["key"]), ("x-api-key", key["key"])]
    assert httpx.get(edge.url + PATH, headers=pairs).status_code == 401


def test_a_key_carries_no_more_than_its_owner(edge: Edge) -> None:
    assert order(edge, scopes=["metadata.admin"]).status_code == 403
    assert order(edge, scopes=[]).status_code == 400


@pytest.mark.parametrize("scope", ["gateway.keys", "gateway.write", "identity.keys"])
def test_a_key_neither_orders_keys_nor_does_an_operators_work(edge: Edge, scope: str) -> None:
    refused = order(edge, "operator", scopes=["metadata.read", scope])
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:problem:gateway:not-for-api-keys")
    assert scope in refused.json()["detail"]


def test_an_order_that_is_repeated_makes_one_key_and_shows_its_secret_once(edge: Edge) -> None:
    headers = {"idempotency-key": "order-1"}
    first, again = order(edge, headers=headers), order(edge, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (again.json()["id"], again.json()["key"]) == (first.json()["id"], None)
    assert {answer.headers["cache-control"] for answer in (first, again)} == {"no-store"}
    (place,) = {answer.headers["location"] for answer in (first, again)}
    assert edge.ask("GET", place, edge.token()).json()["id"] == first.json()["id"]
    assert order(edge, headers=headers, name="another").status_code == 409


def test_another_tenant_neither_sees_nor_revokes_it(edge: Edge, key: dict[str, Any]) -> None:
    other = edge.token("quiet")
    assert edge.ask("GET", "/gateway/api-keys", other).json()["items"] == []
    assert edge.ask("DELETE", f"/gateway/api-keys/{key['id']}", other).status_code == 404
    assert with_key(edge, key["key"]).status_code == 200


def test_a_revoked_key_soon_opens_nothing(edge: Edge) -> None:
    made = order(edge, name="short-lived").json()
    assert with_key(edge, made["key"]).status_code == 200
    assert edge.ask("DELETE", f"/gateway/api-keys/{made['id']}", edge.token()).status_code == 204
    wait_until(lambda: with_key(edge, made["key"]).status_code == 401, "the key is dead", 15)
    listed = edge.ask("GET", f"/gateway/api-keys/{made['id']}", edge.token()).json()
    assert listed["revokedAt"] is not None


def test_nobody_exchanges_a_key_but_the_edge(edge: Edge, key: dict[str, Any]) -> None:
    straight = httpx.get(f"{edge.gateway_url}/v3/exchange/metadata/x", headers={"x-api-key": key["key"]})
    assert straight.status_code == 403
    assert with_key(edge, key["key"], "/v3/exchange/metadata/x").status_code == 404
