from datetime import timedelta
from typing import Any

import pytest

from functions.identity.authentication import Authenticated
from functions.identity.errors import InvalidScope, InvalidSubject, InvalidTarget, OAuthError, UnauthorizedClient
from functions.identity.grants.api_key_owner import TOKEN_TYPE, ApiKeyOwner, encode
from functions.identity.grants.token_exchange import TokenExchange
from functions.identity.issuing import Issuing
from functions.identity.repository import AssertionLog, Revocations
from functions.identity.schemas import Client
from functions.identity.sessions.store import Sessions
from functions.identity.tokens import AccessTokens
from tests.unit.functions.identity.parts import (
    ISSUER,
    NOW,
    FakeTable,
    application,
    finder,
    no_roles,
    service_client,
    signing_keys,
    tenants,
)

GATEWAY = service_client().model_copy(
    update={"client_id": "svc-gateway", "scopes": frozenset({"identity.on-behalf", "monitoring.ingest"})}
)


class Parts:
    def __init__(self, *clients: Client) -> None:
        self.table = FakeTable()
        self.tokens = AccessTokens(ISSUER, "platform", signing_keys(), lambda: NOW)
        issuing = Issuing(lambda: self.tokens, AssertionLog(self.table), self.table.announce)
        find = finder(*(clients or (application(),)))
        sessions, revocations = Sessions(FakeTable()), Revocations(FakeTable())
        self.exchange = TokenExchange(issuing, find, "platform", no_roles(), revocations, sessions, tenants)

    async def ask(
        self, caller: Client = GATEWAY, scope: str | None = None, owner_scope: str = "metadata.read", **owner: Any
    ) -> dict[str, Any]:
        described = {"tenant": "acme", "subject": "demo", "kind": "application", "key_id": "k1", "scope": owner_scope}
        described |= owner
        form = {"subject_token": encode(ApiKeyOwner(**described)), "subject_token_type": TOKEN_TYPE}
        answer = await self.exchange.issue(form | ({"scope": scope} if scope else {}), Authenticated(caller))
        assert answer.issued_token_type == "urn:ietf:params:oauth:token-type:access_token"
        claims = self.tokens.read(answer.access_token)
        assert claims is not None
        return claims


async def test_the_gateway_gets_a_short_token_that_speaks_for_an_api_keys_owner() -> None:
    parts = Parts()
    claims = await parts.ask()
    assert (claims["sub"], claims["tid"], claims["client_id"], claims["kind"]) == (
        "demo",
        "acme",
        "demo",
        "application",
    )
    assert claims["act"] == {"sub": "svc-gateway"}
    assert claims["exp"] - claims["iat"] == timedelta(minutes=5).total_seconds()
    ((_, event),) = parts.table.events
    assert (event.data["clientId"], event.data["actor"]) == ("demo", "svc-gateway")


async def test_a_users_key_is_a_client_of_its_own() -> None:
    claims = await Parts().ask(subject="ada", kind="user")
    assert (claims["sub"], claims["client_id"], claims["kind"]) == ("ada", "apikey.k1", "user")


async def test_the_token_carries_only_what_key_and_owner_both_may() -> None:
    kept = await Parts().ask(owner_scope="metadata.read audit.read")
    assert kept["scope"] == "metadata.read"
    with pytest.raises(InvalidScope):
        await Parts().ask(scope="metadata.write")


@pytest.mark.parametrize("scope", ["monitoring.ingest", "identity.on-behalf", "identity.keys", "identity.tenants"])
async def test_no_scope_of_services_or_operators_is_ever_granted(scope: str) -> None:
    with pytest.raises(InvalidScope):
        await Parts().ask(subject="ada", kind="user", owner_scope=f"metadata.read {scope}", scope=scope)
    operator = application("operator", "platform").model_copy(update={"scopes": frozenset({scope})})
    with pytest.raises(InvalidScope):
        await Parts(operator).ask(tenant="platform", subject="operator", owner_scope=scope)


@pytest.mark.parametrize("caller", [application(), service_client()])
async def test_nobody_else_may_ask_for_another(caller: Client) -> None:
    with pytest.raises(UnauthorizedClient):
        await Parts().ask(caller=caller)


@pytest.mark.parametrize("owner", [{"subject": "nobody"}, {"tenant": "rival"}, {"kind": "user", "tenant": "gone"}])
async def test_an_owner_that_is_gone_or_of_another_tenant_gets_nothing(owner: dict[str, str]) -> None:
    parts = Parts()
    with pytest.raises(InvalidSubject):
        await parts.ask(**owner)
    assert not parts.table.events


async def test_a_disabled_owner_gets_nothing() -> None:
    with pytest.raises(InvalidSubject):
        await Parts(application().model_copy(update={"disabled": True})).ask()


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, OAuthError),
        ({"subject_token": "x"}, OAuthError),
        ({"subject_token": "x", "subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, OAuthError),
        ({"subject_token": "x", "subject_token_type": TOKEN_TYPE}, InvalidSubject),
        ({"subject_token": "e30", "subject_token_type": TOKEN_TYPE}, InvalidSubject),
        ({"subject_token": "x", "subject_token_type": TOKEN_TYPE, "actor_token": "y"}, OAuthError),
        ({"subject_token": "x", "subject_token_type": TOKEN_TYPE, "audience": "elsewhere"}, InvalidTarget),
        ({"subject_token": "x", "subject_token_type": TOKEN_TYPE, "requested_token_type": "saml"}, OAuthError),
    ],
)
async def test_a_malformed_exchange_is_refused_by_name(form: dict[str, str], error: type[OAuthError]) -> None:
    with pytest.raises(error):
        await Parts().exchange.issue(form, Authenticated(GATEWAY))
