"""A tenant's roles, assignments and clients, through the edge; what changes is in the audit queue."""

import json
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from chassis.messaging.message import unpacked
from tests.integration.identity.conftest import Running


@pytest.fixture(scope="module")
def admin(running: Running) -> str:
    return running.token()


def test_a_client_is_registered_used_given_a_new_secret_disabled_and_removed(running: Running, admin: str) -> None:
    order = {"name": "importer", "scopes": ["metadata.read"]}
    key = {"Idempotency-Key": uuid4().hex}
    made = running.ask("POST", "/identity/clients", admin, json=order, headers=key)
    assert made.status_code == 201
    client, secret, path = made.json()["clientId"], made.json()["clientSecret"], made.headers["location"]
    assert client.startswith("demo.")

    again = running.ask("POST", "/identity/clients", admin, json=order, headers=key)
    assert (again.status_code, again.json()["clientId"], again.json()["clientSecret"]) == (200, client, None)
    other = running.ask("POST", "/identity/clients", admin, json={**order, "name": "x"}, headers=key)
    assert other.status_code == 409

    def sign_in(with_secret: str) -> int:
        return running.token_answer((client, with_secret), grant_type="client_credentials").status_code

    assert sign_in(secret) == 200
    rotated = running.ask("POST", f"{path}/secret", admin, json={"overlapSeconds": 60}, headers=key)
    assert rotated.status_code == 200
    assert (sign_in(secret), sign_in(rotated.json()["clientSecret"])) == (200, 200)
    assert running.ask("POST", f"{path}/secret", admin, headers=key).status_code == 409
    final = running.ask("POST", f"{path}/secret", admin).json()["clientSecret"]
    assert (sign_in(secret), sign_in(final)) == (401, 200)

    assert running.ask("POST", f"{path}/disable", admin).json()["disabled"] is True
    assert sign_in(final) == 401
    assert running.ask("POST", f"{path}/enable", admin).json()["disabled"] is False
    assert sign_in(final) == 200
    assert running.ask("DELETE", path, admin).status_code == 204
    assert (sign_in(final), running.ask("GET", path, admin).status_code) == (401, 404)


def test_a_change_on_an_old_state_is_refused(running: Running, admin: str) -> None:
    made = running.ask("POST", "/identity/clients", admin, json={"name": "a", "scopes": ["metadata.read"]})
    path, etag = made.headers["location"], made.headers["etag"]
    change = {"name": "b", "scopes": ["metadata.write"]}
    changed = running.ask("PUT", path, admin, json=change, headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["scopes"]) == (200, ["metadata.write"])
    assert running.ask("PUT", path, admin, json=change, headers={"If-Match": etag}).status_code == 412
    assert running.ask("DELETE", path, admin, headers={"If-Match": etag}).status_code == 412
    assert running.ask("DELETE", path, admin, headers={"If-Match": changed.headers["etag"]}).status_code == 204


def test_a_role_gives_its_holder_its_scopes_and_takes_them_away_again(running: Running, admin: str) -> None:
    name = f"auditor-{uuid4().hex[:6]}"
    client = running.ask("POST", "/identity/clients", admin, json={"name": "empty"}).json()
    auth = (client["clientId"], client["clientSecret"])

    def scope() -> str:
        return str(running.token_answer(auth, grant_type="client_credentials").json()["scope"])

    assert scope() == ""
    role = {"scopes": ["audit.read"], "description": "Reads the trail"}
    assert running.ask("PUT", f"/identity/roles/{name}", admin, json=role).status_code == 201
    order = {"role": name, "principal": {"type": "application", "id": client["clientId"]}}
    assigned = running.ask("POST", "/identity/assignments", admin, json=order)
    assert assigned.status_code == 201
    assert running.ask("POST", "/identity/assignments", admin, json=order).status_code == 200
    assert scope() == "audit.read"
    etag = running.ask("GET", f"/identity/roles/{name}", admin).headers["etag"]
    role["scopes"] = ["audit.read", "metadata.read"]
    changed = running.ask("PUT", f"/identity/roles/{name}", admin, json=role, headers={"If-Match": etag})
    assert changed.status_code == 200
    assert scope() == "audit.read metadata.read"
    assert running.ask("DELETE", f"/identity/roles/{name}", admin).status_code == 409
    assert running.ask("DELETE", assigned.headers["location"], admin).status_code == 204
    assert scope() == ""
    assert running.ask("DELETE", f"/identity/roles/{name}", admin).status_code == 204


def test_nobody_grants_what_he_does_not_have(running: Running) -> None:
    clerk = running.token(scope="identity.write identity.read")
    for answer in (
        running.ask("PUT", "/identity/roles/mine", clerk, json={"scopes": ["metadata.write"]}),
        running.ask("POST", "/identity/clients", clerk, json={"name": "c", "scopes": ["metadata.write"]}),
        running.ask(
            "POST",
            "/identity/assignments",
            clerk,
            json={"role": "administrator", "principal": {"type": "application", "id": "demo"}},
        ),
    ):
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:problem:identity:cannot-grant")


def test_nobody_gets_in_as_a_client_that_may_more_than_he(running: Running, admin: str) -> None:
    clerk = running.token(scope="identity.write identity.read")
    order = {"name": "strong", "scopes": ["metadata.write"]}
    path = running.ask("POST", "/identity/clients", admin, json=order).headers["location"]
    own = {"issuer": "https://evil.example", "subject": "me", "audience": "a"}
    for answer in (
        running.ask("POST", f"{path}/secret", clerk),
        running.ask("PUT", path, clerk, json={**order, "federated": [own]}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:problem:identity:cannot-grant")


@pytest.mark.parametrize(
    "scope", ["identity.keys", "identity.tenants", "gateway.write", "identity.on-behalf", "no.such"]
)
def test_some_scopes_are_no_tenants_to_give(running: Running, admin: str, scope: str) -> None:
    operator = running.token("operator")
    for token in (admin, operator):
        assert running.ask("PUT", "/identity/roles/x", token, json={"scopes": [scope]}).status_code == 422


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"name": ""},
        {"name": "x", "scopes": ["Bad Scope"]},
        {"name": "x", "grants": ["password"]},
        {"name": "x", "grants": ["authorization_code"]},
        {"name": "x", "grants": ["authorization_code"], "redirectUris": ["http://evil.example/cb"]},
        {"name": "x", "grants": ["authorization_code"], "redirectUris": ["https://*.example/cb"]},
        {"name": "x", "grants": ["authorization_code"], "redirectUris": ["https://a.example/cb#f"]},
        {"name": "x", "authentication": "key"},
        {"name": "x", "authentication": "key", "jwk": {"kty": "oct", "k": "AAAA"}},
        {"name": "x", "authentication": "public"},
        {"name": "x", "authentication": "federated"},
        {"name": "x", "tenant": "rival"},
        {"name": "x", "kind": "service"},
    ],
)
def test_a_client_that_could_not_be_used_safely_is_refused(running: Running, admin: str, order: dict[str, Any]) -> None:
    answer = running.ask("POST", "/identity/clients", admin, json=order)
    assert answer.status_code in (400, 422), answer.text


def test_built_in_roles_follow_the_routes_and_stay(running: Running, admin: str) -> None:
    roles = {role["name"]: role for role in running.ask("GET", "/identity/roles", admin).json()["items"]}
    assert {"reader", "operator", "administrator"} <= roles.keys()
    assert all(scope.endswith(".read") for scope in roles["reader"]["scopes"])
    assert "identity.write" not in roles["operator"]["scopes"]
    assert running.ask("PUT", "/identity/roles/reader", admin, json={"scopes": ["audit.read"]}).status_code == 409
    assert running.ask("DELETE", "/identity/roles/reader", admin).status_code == 409


def test_pages_lead_through_all_clients(running: Running, admin: str) -> None:
    for number in range(3):
        running.ask("POST", "/identity/clients", admin, json={"name": f"page-{number}"})
    found, after = [], None
    while True:
        page = running.ask(
            "GET", "/identity/clients", admin, params={"limit": "2", **({"after": after} if after else {})}
        )
        found += [item["clientId"] for item in page.json()["items"]]
        after = page.json()["next"]
        if after is None:
            break
    assert len(found) == len(set(found)) >= 3
    assert found == sorted(found)
    assert running.ask("GET", "/identity/clients", admin, params={"after": "%%"}).status_code == 400


def test_every_change_is_an_audit_event_of_its_tenant_without_a_secret(running: Running, admin: str) -> None:
    queue = QueueClient.from_connection_string(
        running.platform.storage_connection, "audit-events", message_decode_policy=TextBase64DecodePolicy()
    )
    made = running.ask("POST", "/identity/clients", admin, json={"name": "told"}).json()
    running.ask("POST", f"/identity/clients/{made['clientId']}/disable", admin)
    texts: list[str] = []
    mine: dict[str, str] = {}
    until = monotonic() + 60
    while len(mine) < 2 and monotonic() < until:
        texts += [message.content for message in queue.receive_messages(max_messages=32, visibility_timeout=300)]
        events = [json.loads(body) for text in texts for body in unpacked(text.encode())]
        mine = {event["type"]: event["tenantid"] for event in events if event["subject"] == made["clientId"]}
    assert mine == {"identity.client.registered": "demo", "identity.client.disabled": "demo"}
    assert made["clientSecret"] not in "".join(texts)
