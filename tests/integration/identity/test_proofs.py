"""Every way in which a client proves itself, at every endpoint that asks for a proof: at the edge and behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from chassis.auth.service_token import ASSERTION_TYPE
from chassis.manifest import read_manifests
from chassis.settings import ROOT
from local.credentials import service_scopes
from tests.integration.identity.conftest import Running, basic

POD, AUDIENCE = "system:serviceaccount:reports:hourly", "api://platform-identity"
KEY = ECKey.generate_key("P-256")


@dataclass
class Clients:
    """One client of the tenant `demo` for each way."""

    running: Running
    ids: dict[str, str]
    secret: str

    def form(self, proof: str) -> dict[str, str]:
        """The parameters that prove the client; none of them for Basic."""
        client = self.ids[proof]
        if proof == "client_secret_basic":
            return {}
        if proof == "client_secret_post":
            return {"client_id": client, "client_secret": self.secret}
        now, named = int(time()), {"iss": client, "sub": client, "aud": f"{self.running.edge}/identity"}
        own = jwt.encode({"alg": "ES256"}, {**named, "exp": now + 60, "jti": uuid4().hex}, KEY)
        outside = self.running.issuer.token(iss=f"{self.running.issuer.url}/cluster", sub=POD, aud=[AUDIENCE])
        told = {"client_assertion_type": ASSERTION_TYPE}
        if proof == "private_key_jwt":
            return {**told, "client_assertion": own}
        return {**told, "client_assertion": outside, "client_id": client}

    def headers(self, proof: str) -> dict[str, str]:
        basic_only = proof == "client_secret_basic"
        return {"authorization": basic(self.ids[proof], self.secret)} if basic_only else {}


ORDERS: dict[str, Callable[[Running], dict[str, Any]]] = {
    "client_secret_basic": lambda _: {},
    "private_key_jwt": lambda _: {"authentication": "key", "jwk": KEY.as_dict(private=False)},
    "federated": lambda running: {
        "authentication": "federated",
        "federated": [{"issuer": f"{running.issuer.url}/cluster", "subject": POD, "audience": AUDIENCE}],
    },
}
PROOFS = (*ORDERS, "client_secret_post")


@pytest.fixture(scope="module")
def clients(running: Running) -> Clients:
    made = {}
    for proof, order in ORDERS.items():
        told = {"name": proof, "scopes": ["metadata.read"], **order(running)}
        answer = running.ask("POST", "/identity/clients", running.token(), json=told)
        assert answer.status_code == 201, answer.text
        made[proof] = answer.json()
    ids = {proof: client["clientId"] for proof, client in made.items()}
    ids["client_secret_post"] = ids["client_secret_basic"]
    return Clients(running, ids, made["client_secret_basic"]["clientSecret"])


@pytest.mark.parametrize("proof", PROOFS)
def test_each_proof_is_good_at_each_endpoint(clients: Clients, base: str, proof: str) -> None:
    def ask(endpoint: str, **form: str) -> httpx.Response:
        sent = {**form, **clients.form(proof)}
        url = f"{base}/identity/oauth2/{endpoint}"
        answer = httpx.post(url, data=sent, headers=clients.headers(proof), timeout=15)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return answer

    token = ask("token", grant_type="client_credentials").json()["access_token"]
    seen = ask("introspect", token=token).json()
    assert (seen["active"], seen["client_id"], seen["scope"]) == (True, clients.ids[proof], "metadata.read")
    ask("revoke", token=token)
    assert ask("introspect", token=token).json() == {"active": False}


@pytest.mark.parametrize("proof", PROOFS)
def test_no_proof_is_good_for_another_client(clients: Clients, running: Running, base: str, proof: str) -> None:
    form = {"grant_type": "client_credentials", **clients.form(proof), "client_id": "demo"}
    url = f"{base}/identity/oauth2/token"
    answer = httpx.post(url, data=form, headers=clients.headers(proof), timeout=15)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_what_is_another_tenants_is_neither_seen_nor_revoked(clients: Clients, running: Running, base: str) -> None:
    """The operator's client is of another tenant, and no service."""
    token, operator = running.token(), running.credentials("operator")

    def ask(endpoint: str) -> httpx.Response:
        return httpx.post(f"{base}/identity/oauth2/{endpoint}", data={"token": token}, auth=operator, timeout=15)

    assert ask("introspect").json() == {"active": False}
    assert (ask("revoke").status_code, ask("revoke").json()["error"]) == (400, "unauthorized_client")
    own = httpx.post(
        f"{base}/identity/oauth2/introspect", data={"token": token}, auth=running.credentials("demo"), timeout=15
    )
    assert own.json()["active"] is True


@pytest.mark.parametrize("service", ["gateway", "identity", "metadata"])
def test_a_service_gets_what_its_manifest_says_and_can_ask_for_nothing_more(running: Running, service: str) -> None:
    wanted = set(service_scopes(read_manifests(ROOT / "functions")[service]))
    token = running.service_token(service)
    claims = jwt.decode(
        token, KeySet.import_key_set(running.ask("GET", "/identity/.well-known/jwks.json").json()), algorithms=["RS256"]
    ).claims
    assert (set(claims["scope"].split()), claims["kind"]) == (wanted, "service")
    for scope in {"identity.keys", "identity.tenants", "identity.write", "metadata.write"} - wanted:
        refused = running.token_answer(
            base=running.url("identity"),
            grant_type="client_credentials",
            client_assertion_type=ASSERTION_TYPE,
            client_assertion=running.assertion(service),
            scope=scope,
        )
        assert refused.json()["error"] == "invalid_scope"
