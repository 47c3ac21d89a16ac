"""Tokens of other issuers: a Kubernetes service account in place of a secret, Entra ID tokens for ours."""

from typing import Any

import pytest

from chassis.auth.service_token import ASSERTION_TYPE
from tests.integration.identity.conftest import Running
from tests.integration.identity.issuers import ACME_TID, ANALYSTS, RIVAL_TID, STRANGER_TID

POD = "system:serviceaccount:reports:nightly"
AUDIENCE = "api://platform-identity"


@pytest.fixture(scope="module")
def admin(running: Running) -> str:
    return running.token()


@pytest.fixture(scope="module")
def workload(running: Running, admin: str) -> str:
    """A client whose proof is a pod's projected service-account token, in either of two clusters."""
    standby = {"issuer": f"{running.issuer.url}/standby", "subject": POD, "audience": AUDIENCE}
    order = {
        "name": "nightly",
        "scopes": ["metadata.read"],
        "authentication": "federated",
        "federated": [standby, {**standby, "issuer": f"{running.issuer.url}/cluster"}],
    }
    answer = running.ask("POST", "/identity/clients", admin, json=order)
    assert answer.status_code == 201, answer.text
    assert answer.json()["clientSecret"] is None
    return str(answer.json()["clientId"])


@pytest.fixture(scope="module", autouse=True)
def _analysts_may_read(running: Running, admin: str) -> None:
    order = {"role": "reader", "principal": {"type": "group", "id": ANALYSTS}}
    assert running.ask("POST", "/identity/assignments", admin, json=order).status_code in (200, 201)
    order = {"role": "operator", "principal": {"type": "app-role", "id": "Platform.Operator"}}
    assert running.ask("POST", "/identity/assignments", admin, json=order).status_code in (200, 201)


def sign_in(running: Running, client: str, assertion: str) -> Any:
    return running.token_answer(
        grant_type="client_credentials",
        client_id=client,
        client_assertion_type=ASSERTION_TYPE,
        client_assertion=assertion,
    )


def pod_token(running: Running, **claims: Any) -> str:
    told = {"iss": f"{running.issuer.url}/cluster", "sub": POD, "aud": [AUDIENCE], **claims}
    return running.issuer.token(**told)


def test_a_pod_signs_in_with_its_service_account_token_again_and_again(running: Running, workload: str) -> None:
    token = pod_token(running)
    for _ in range(2):
        answer = sign_in(running, workload, token)
        assert answer.status_code == 200, answer.text
    assert running.ask("GET", "/metadata/schemas", answer.json()["access_token"]).status_code == 200


def test_the_same_pod_of_the_other_cluster_signs_in_too(running: Running, workload: str) -> None:
    assert sign_in(running, workload, pod_token(running, iss=f"{running.issuer.url}/standby")).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "system:serviceaccount:reports:other"},
        {"aud": ["api://elsewhere"]},
        {"iss": "http://127.0.0.1:9/cluster"},
        {"exp": 1_700_000_000},
        {"nbf": 4_000_000_000},
    ],
)
def test_another_pods_cluster_s_or_time_s_token_is_refused(
    running: Running, workload: str, claims: dict[str, Any]
) -> None:
    answer = sign_in(running, workload, pod_token(running, **claims))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_issuers_keys_are_asked_for_once(running: Running, workload: str) -> None:
    sign_in(running, workload, pod_token(running))
    before = len(running.issuer.asked)
    for _ in range(3):
        assert sign_in(running, workload, pod_token(running)).status_code == 200
    assert len(running.issuer.asked) == before


def test_an_entra_user_gets_what_the_roles_of_group_and_app_role_allow(running: Running) -> None:
    answer = running.exchange(running.issuer.entra_token(groups=[ANALYSTS]))
    assert answer.status_code == 200, answer.text
    assert answer.json()["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert {"metadata.read", "audit.read"} <= set(answer.json()["scope"].split())
    assert not any(scope.endswith(".write") for scope in answer.json()["scope"].split())
    operator = running.exchange(running.issuer.entra_token(roles=["Platform.Operator"]))
    assert "metadata.write" in operator.json()["scope"].split()
    token = answer.json()["access_token"]
    assert running.ask("GET", "/metadata/schemas", token).status_code == 200
    assert running.ask("PUT", "/metadata/schemas/x", token, json={}).status_code == 403


def test_an_entra_application_is_an_application_here(running: Running) -> None:
    told = {"scp": None, "sub": "app-oid", "oid": "app-oid", "idtyp": "app", "roles": ["Platform.Operator"]}
    answer = running.exchange(running.issuer.entra_token(**told))
    assert answer.status_code == 200, answer.text
    assert running.ask("GET", "/metadata/schemas", answer.json()["access_token"]).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"tid": STRANGER_TID},
        {"tid": RIVAL_TID},
        {"aud": "api://another"},
        {"ver": "1.0"},
        {"oid": None},
        {"exp": 1_700_000_000},
        {"groups": None, "_claim_names": {"groups": "src1"}},
        {"groups": []},
    ],
)
def test_an_entra_token_that_is_wrong_or_gives_no_role_gives_nothing(running: Running, claims: dict[str, Any]) -> None:
    answer = running.exchange(running.issuer.entra_token(ACME_TID, **{"groups": [ANALYSTS], **claims}))
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_request", "invalid_scope"}


def test_a_tenant_that_is_not_allowed_gets_nothing_even_with_good_keys(running: Running) -> None:
    answer = running.exchange(running.issuer.entra_token(STRANGER_TID, groups=[ANALYSTS]))
    assert answer.json()["error"] == "invalid_request"


def test_a_client_exchanges_only_for_its_own_tenants_users(running: Running) -> None:
    answer = running.exchange(running.issuer.entra_token(RIVAL_TID, groups=[ANALYSTS]))
    assert answer.json()["error"] == "invalid_request"
