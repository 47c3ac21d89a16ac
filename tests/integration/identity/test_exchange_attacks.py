"""The attack table for token exchange, each row at the edge and straight at identity."""

import json
from base64 import urlsafe_b64encode

import httpx
import pytest

from chassis.auth.service_token import ServiceToken
from chassis.errors import Unauthorized
from tests.integration.identity.asking import by_assertion, exchanged, refused, unsigned
from tests.integration.identity.conftest import EXCHANGE, Browser, Running
from tests.integration.identity.issuers import ACME_TID, ANALYSTS

API_KEY_OWNER = "urn:platform:params:oauth:token-type:api-key-owner"


@pytest.fixture
def reader(running: Running) -> str:
    """A platform token that carries little."""
    return running.token(scope="metadata.read")


def test_an_exchange_never_adds_a_scope_to_a_platform_token(running: Running, base: str, reader: str) -> None:
    assert exchanged(running, base, reader, scope="metadata.read").json()["scope"] == "metadata.read"
    for wanted in ("metadata.write", "metadata.read metadata.write", "identity.keys", "monitoring.ingest"):
        assert refused(exchanged(running, base, reader, scope=wanted), "invalid_scope")
    assert exchanged(running, base, reader).json()["scope"] == "metadata.read"


def test_an_exchange_never_makes_a_token_live_longer(running: Running, base: str, reader: str) -> None:
    assert exchanged(running, base, reader).json()["expires_in"] <= 900


def test_an_exchange_never_gives_an_entra_user_more_than_the_roles_or_the_client_may(
    running: Running, base: str
) -> None:
    order = {"role": "reader", "principal": {"type": "group", "id": ANALYSTS}}
    running.ask("POST", "/identity/assignments", running.token(), json=order)
    token = running.issuer.entra_token(ACME_TID, groups=[ANALYSTS])
    for wanted in ("metadata.write", "identity.keys", "identity.on-behalf"):
        assert refused(exchanged(running, base, token, scope=wanted), "invalid_scope")


def test_an_exchange_takes_no_token_of_another_tenant_or_of_a_service(running: Running, base: str, reader: str) -> None:
    assert refused(exchanged(running, base, reader, "operator"), "invalid_request")
    assert refused(exchanged(running, base, running.service_token("gateway")), "invalid_request")


@pytest.mark.parametrize("token", ["junk", "\0", unsigned(b"[" * 8000), unsigned(b'{"iss":"\\ud800"}')])
def test_an_exchange_takes_nothing_for_a_token_that_is_none(running: Running, base: str, token: str) -> None:
    assert refused(exchanged(running, base, token), "invalid_request")


def test_an_exchange_takes_no_actor_and_no_other_target(running: Running, base: str, reader: str) -> None:
    kind = "urn:ietf:params:oauth:token-type:access_token"
    assert refused(exchanged(running, base, reader, actor_token=reader, actor_token_type=kind), "invalid_request")
    assert refused(exchanged(running, base, reader, audience="elsewhere"), "invalid_target")
    assert refused(exchanged(running, base, reader, resource="https://elsewhere.example"), "invalid_target")


def test_an_exchange_takes_no_revoked_token(running: Running, base: str, reader: str) -> None:
    revoke = f"{base}/identity/oauth2/revoke"
    assert httpx.post(revoke, data={"token": reader}, auth=running.credentials("demo")).status_code == 200
    assert refused(exchanged(running, base, reader), "invalid_request")


def test_an_exchange_takes_no_token_of_an_ended_session(running: Running, browser: Browser, base: str) -> None:
    tokens = browser.redeem(browser.code()).json()
    assert exchanged(running, base, tokens["access_token"], scope="metadata.read").status_code == 200
    revoke = f"{base}/identity/oauth2/revoke"
    assert httpx.post(revoke, data={"token": tokens["refresh_token"], "client_id": "console"}).status_code == 200
    assert refused(exchanged(running, base, tokens["access_token"]), "invalid_request")


def test_only_the_gateway_speaks_for_the_owners_of_api_keys(running: Running, base: str) -> None:
    owner = {"tenant": "demo", "subject": "demo", "kind": "application", "keyId": "k", "scope": "metadata.read"}
    described = urlsafe_b64encode(json.dumps(owner).encode()).decode()
    form = {"subject_token_type": API_KEY_OWNER}
    assert refused(exchanged(running, base, described, **form), "unauthorized_client")
    assert refused(exchanged(running, base, described, "operator", **form), "unauthorized_client")
    of_service = {**form, "grant_type": EXCHANGE, "subject_token": described}
    assert by_assertion(running, base, running.assertion("gateway"), **of_service).status_code == 200
    assert refused(by_assertion(running, base, running.assertion("metadata"), **of_service), "unauthorized_client")


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": "rival"},
        {"subject": "nobody"},
        {"scope": "identity.on-behalf"},
        {"scope": "identity.keys", "tenant": "platform", "subject": "operator"},
        {"scope": "identity.keys", "tenant": "platform", "subject": "ada", "kind": "user"},
    ],
)
async def test_the_gateway_learns_that_an_owner_was_refused(running: Running, changes: dict[str, str]) -> None:
    gateway = ServiceToken(
        "gateway",
        running.state / "keys" / "gateway.jwk",
        f"{running.url('identity')}/identity/oauth2/token",
        f"{running.edge}/identity",
    )
    owner = {"tenant": "demo", "subject": "demo", "kind": "application", "keyId": "k", "scope": "metadata.read"}
    described = urlsafe_b64encode(json.dumps({**owner, **changes}).encode()).decode()
    with pytest.raises(Unauthorized):
        await gateway.exchange(described, API_KEY_OWNER)
