"""Identity through the edge, on real tables and queues."""

import json
import stat
from base64 import urlsafe_b64encode
from time import time
from uuid import uuid4

import httpx
from azure.storage.queue import QueueClient, TextBase64DecodePolicy
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.auth.service_token import ASSERTION_TYPE, ServiceToken
from chassis.messaging.message import unpacked
from tests.integration.edge.edge import SECRET, Edge
from tests.integration.edge.processes import wait_until

DEMO = ("demo", SECRET)
API_KEY_OWNER = "urn:platform:params:oauth:token-type:api-key-owner"


def assertion_form(edge: Edge) -> dict[str, str]:
    key = ECKey.import_key(json.loads((edge.keys / "keys" / "gateway.jwk").read_text()))
    now = int(time())
    claims = {"iss": "svc-gateway", "sub": "svc-gateway", "aud": f"{edge.url}/identity", "jti": uuid4().hex}
    assertion = jwt.encode({"alg": "ES256"}, {**claims, "iat": now, "exp": now + 60}, key)
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    return {**form, "client_assertion": assertion}


def post(edge: Edge, endpoint: str, **options: object) -> httpx.Response:
    return edge.ask("POST", f"/identity/oauth2/{endpoint}", **options)


def test_the_discovery_document_leads_through_the_edge_to_keys_and_token(edge: Edge) -> None:
    found = edge.ask("GET", "/identity/.well-known/openid-configuration").json()
    assert found["issuer"] == f"{edge.url}/identity"
    assert httpx.get(found["jwks_uri"]).json()["keys"][0].keys() >= {"kid", "n", "e", "alg", "use"}
    answer = httpx.post(found["token_endpoint"], data={"grant_type": "client_credentials"}, auth=DEMO)
    assert answer.json()["token_type"] == "Bearer"
    assert answer.headers["cache-control"] == "no-store"


def test_no_private_part_of_a_key_is_published_and_its_file_is_the_owners_alone(edge: Edge) -> None:
    for key in edge.ask("GET", "/identity/.well-known/jwks.json").json()["keys"]:
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi"}
    files = list((edge.keys / "signing").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_an_assertion_is_good_once(edge: Edge) -> None:
    form = assertion_form(edge)
    assert post(edge, "token", data=form).status_code == 200
    replayed = post(edge, "token", data=form)
    assert (replayed.status_code, replayed.json()["error"]) == (401, "invalid_client")


def test_the_edge_itself_soon_refuses_a_withdrawn_keys_tokens_on_open_connections_too(edge: Edge) -> None:
    # The service behind does not look at tokens here.
    path, signing = "/metadata/schemas/flight", edge.ask("GET", "/identity/.well-known/jwks.json").json()["keys"][0]
    with httpx.Client(base_url=edge.url, headers={"authorization": f"Bearer {edge.token()}"}, timeout=30) as client:
        assert [client.get(path).status_code for _ in range(3)] == [200] * 3
        withdrawn = edge.ask("POST", f"/identity/keys/{signing['kid']}/withdraw", edge.token("operator"))
        assert withdrawn.status_code == 200, withdrawn.text
        wait_until(lambda: client.get(path).status_code == 401, "the token is refused", 15)
    assert edge.ask("GET", path, edge.token()).status_code == 200


async def test_the_gateway_gets_the_token_of_an_api_keys_owner_and_the_edge_takes_it(edge: Edge) -> None:
    gateway = ServiceToken(
        "gateway",
        edge.keys / "keys" / "gateway.jwk",
        f"{edge.identity_url}/identity/oauth2/token",
        f"{edge.url}/identity",
    )
    owner = {"tenant": "acme", "subject": "demo", "kind": "application", "keyId": "k1", "scope": "metadata.read"}
    described = urlsafe_b64encode(json.dumps(owner).encode()).decode()
    obtained = await gateway.exchange(described, API_KEY_OWNER)
    answer = edge.ask("GET", "/metadata/schemas/flight", obtained.value)
    assert (answer.status_code, answer.json()["headers"]["x-platform-tenant"]) == (200, "acme")
    assert edge.ask("PUT", "/metadata/schemas/flight", obtained.value, json={}).status_code == 403


def test_a_wrong_secret_is_refused_in_the_form_of_the_rfc(edge: Edge) -> None:
    answer = post(edge, "token", data={"grant_type": "client_credentials"}, auth=("demo", "wrong"))
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client", "error_description": "Client authentication failed"}
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_a_json_body_is_refused(edge: Edge) -> None:
    answer = post(edge, "token", json={"grant_type": "client_credentials"}, auth=DEMO)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_revoked_token_is_inactive_for_its_own_tenant_and_was_active_before(edge: Edge) -> None:
    token = edge.token(scope="metadata.read")
    seen = post(edge, "introspect", data={"token": token}, auth=DEMO).json()
    assert (seen["active"], seen["client_id"], seen["scope"], seen["tid"]) == (True, "demo", "metadata.read", "acme")
    assert post(edge, "revoke", data={"token": token}, auth=("other", SECRET)).json()["error"] == "unauthorized_client"
    assert post(edge, "revoke", data={"token": token}, auth=DEMO).status_code == 200
    assert post(edge, "revoke", data={"token": token}, auth=DEMO).status_code == 200
    assert post(edge, "introspect", data={"token": token}, auth=DEMO).json() == {"active": False}


def test_every_issued_token_is_announced_to_audit_without_the_token_itself(edge: Edge) -> None:
    token = edge.token(scope="audit.read")
    jti = post(edge, "introspect", data={"token": token}, auth=DEMO).json()["jti"]
    queue = QueueClient.from_connection_string(
        edge.storage, "audit-events", message_decode_policy=TextBase64DecodePolicy()
    )
    found: dict[str, dict[str, object]] = {}

    def announced() -> bool:
        for message in queue.receive_messages(max_messages=32, visibility_timeout=60):
            for event in map(json.loads, unpacked(message.content.encode())):
                found[event["subject"]] = event
        return jti in found

    wait_until(announced, "the event is on the audit queue")
    event = found[jti]
    assert (event["type"], event["tenantid"]) == ("identity.token.issued", "acme")
    assert token not in json.dumps(event)
