import pytest

from functions.identity.assertions import ASSERTION_TYPE
from functions.identity.authentication import ClientAuthentication
from functions.identity.client_secrets import ClientSecrets
from functions.identity.errors import InvalidClient, InvalidScope, OAuthError, UnauthorizedClient, UnsupportedGrantType
from functions.identity.grants.client_credentials import ClientCredentials
from functions.identity.issuing import Issuing
from functions.identity.repository import AssertionLog, Revocations
from functions.identity.service import TokenService
from functions.identity.sessions.store import Sessions
from functions.identity.tokens import AccessTokens
from tests.unit.functions.identity.parts import (
    ISSUER,
    NOW,
    SECRET,
    FakeTable,
    application,
    assertion,
    finder,
    no_roles,
    service_client,
    signing_keys,
)

DEMO = {"client_id": "demo", "client_secret": SECRET}
OTHER = {"client_id": "other", "client_secret": SECRET}
FOREIGN = {"client_id": "foreign", "client_secret": SECRET}
GRANT = {"grant_type": "client_credentials"}


class Parts:
    def __init__(self) -> None:
        clients = [application(), application("other"), application("foreign", "rival"), service_client()]
        self.assertions, self.revocations = FakeTable(), FakeTable()
        self.tokens = AccessTokens(ISSUER, "platform", signing_keys(), lambda: NOW)
        issuing = Issuing(lambda: self.tokens, AssertionLog(self.assertions), self.assertions.announce)
        self.service = TokenService(
            ClientAuthentication(finder(*clients), ClientSecrets(), {ISSUER}, lambda: NOW),
            lambda: self.tokens,
            issuing,
            {"client_credentials": ClientCredentials(issuing, no_roles())},
            Revocations(self.revocations),
            Sessions(FakeTable()),
        )

    async def token(self, credentials: dict[str, str]) -> str:
        return (await self.service.issue({**GRANT, **credentials}, None)).access_token


@pytest.fixture
def parts() -> Parts:
    return Parts()


def by_key(jti: str | None = None) -> dict[str, str]:
    signed = assertion(jti=jti) if jti else assertion()
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


async def test_a_token_is_issued_and_announced_in_the_clients_tenant(parts: Parts) -> None:
    answer = await parts.service.issue({**GRANT, **DEMO, "scope": "metadata.read"}, None)
    claims = parts.tokens.read(answer.access_token)
    assert claims is not None
    assert (answer.token_type, answer.expires_in, answer.scope) == ("Bearer", 900, "metadata.read")
    ((tenant, event),) = parts.assertions.events
    assert (tenant, event.type, event.subject) == ("acme", "identity.token.issued", claims["jti"])
    assert event.data == {"clientId": "demo", "scope": "metadata.read", "expiresAt": claims["exp"]}


async def test_an_assertion_and_the_event_of_its_token_are_stored_together(parts: Parts) -> None:
    await parts.token(by_key("one"))
    assert list(parts.assertions.rows) == [("platform|svc-workflow", "jti:one")]
    assert len(parts.assertions.events) == 1
    with pytest.raises(InvalidClient):
        await parts.token(by_key("one"))
    assert len(parts.assertions.events) == 1


async def test_a_refused_scope_leaves_the_assertion_unused(parts: Parts) -> None:
    form = {**GRANT, **by_key("one")}
    with pytest.raises(InvalidScope):
        await parts.service.issue({**form, "scope": "audit.write"}, None)
    assert (await parts.service.issue(form, None)).scope == "metadata.read"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (DEMO, OAuthError),
        ({**DEMO, "grant_type": "password"}, UnsupportedGrantType),
        ({**DEMO, **GRANT, "client_secret": "wrong"}, InvalidClient),
    ],
)
async def test_a_refused_request_stores_nothing(parts: Parts, form: dict[str, str], error: type[OAuthError]) -> None:
    with pytest.raises(error):
        await parts.service.issue(form, None)
    assert not parts.assertions.rows
    assert not parts.assertions.events


async def test_a_token_is_seen_by_its_tenant_and_by_services_only(parts: Parts) -> None:
    form = {"token": await parts.token(DEMO)}
    assert (await parts.service.introspect({**form, **OTHER}, None)).client_id == "demo"
    assert (await parts.service.introspect({**form, **by_key()}, None)).active
    unseen = await parts.service.introspect({**form, **FOREIGN}, None)
    assert unseen.model_dump(exclude_none=True) == {"active": False}


async def test_introspection_needs_a_client_a_token_and_a_fresh_assertion(parts: Parts) -> None:
    with pytest.raises(InvalidClient):
        await parts.service.introspect({"token": "x"}, None)
    with pytest.raises(OAuthError, match="token is missing"):
        await parts.service.introspect(DEMO, None)
    await parts.service.introspect({"token": "x", **by_key("one")}, None)
    with pytest.raises(InvalidClient):
        await parts.service.introspect({"token": "x", **by_key("one")}, None)


async def test_a_revoked_token_is_inactive_and_its_revocation_announced_once(parts: Parts) -> None:
    form = {"token": await parts.token(DEMO), **DEMO}
    await parts.service.revoke(form, None)
    await parts.service.revoke(form, None)
    assert not (await parts.service.introspect(form, None)).active
    assert [event.type for _, event in parts.revocations.events] == ["identity.token.revoked"]


async def test_a_client_can_not_revoke_anothers_token(parts: Parts) -> None:
    token = await parts.token(DEMO)
    with pytest.raises(UnauthorizedClient):
        await parts.service.revoke({"token": token, **OTHER}, None)
    assert (await parts.service.introspect({"token": token, **DEMO}, None)).active


async def test_revoking_what_is_no_token_is_no_error_and_stores_nothing(parts: Parts) -> None:
    await parts.service.revoke({"token": "nonsense", **DEMO}, None)
    assert not parts.revocations.rows
