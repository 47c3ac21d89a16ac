"""A user signs in at an issuer that plays Microsoft Entra ID; identity runs in this process, on real tables."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from chassis.context import CallContext, Principal, calling
from chassis.runtime import Runtime
from chassis.settings import ROOT, Settings
from functions.identity.api import identity_app
from functions.identity.directory.catalogue import grantable_scopes
from functions.identity.directory.models import AssignmentOrder
from functions.identity.sessions.session import challenge_of
from tests.integration.identity.issuers import ACME_TID, ANALYSTS, ENTRA_CLIENT, RIVAL_TID, Issuer

EDGE, BACK, VERIFIER = "http://127.0.0.1:8080", "http://127.0.0.1:8080/console/", "v" * 43
CONSOLE = {
    "clientId": "console",
    "tenant": "platform",
    "kind": "application",
    "scopes": ["metadata.read"],
    "public": True,
    "grants": ["authorization_code", "refresh_token"],
    "redirectUris": [BACK],
}


@pytest.fixture
async def app(azurite: str, issuer: Issuer, tmp_path: Path) -> AsyncIterator[FastAPI]:
    (tmp_path / "clients.json").write_text(json.dumps([CONSOLE]))
    user = {"userName": "admin", "tenant": "demo", "secretHash": PasswordHasher().hash("x")}
    (tmp_path / "users.json").write_text(json.dumps([user]))
    settings = Settings(
        storage_connection=azurite,
        signing_keys_dir=tmp_path / "signing",
        clients_file=tmp_path / "clients.json",
        manifests_dir=ROOT / "functions",
        federation_allow_private=True,
        entra_authority=issuer.url,
        entra_client_id=ENTRA_CLIENT,
        entra_tenants={ACME_TID: "acme"},
        development_login=True,
        users_file=tmp_path / "users.json",
        signing_algorithm="ES256",
    )
    runtime = Runtime("identity", settings)
    made = identity_app(runtime)
    yield made
    await made.state.identity.close()
    await runtime.close()


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=EDGE) as client:
        yield client


async def authorized(browser: httpx.AsyncClient) -> httpx.Response:
    asked = {
        "response_type": "code",
        "client_id": "console",
        "redirect_uri": BACK,
        "state": "s",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    return await browser.get("/identity/oauth2/authorize", params=asked)


async def back_from_entra(browser: httpx.AsyncClient) -> str:
    """What Entra ID sends the browser back to, after its own sign-in."""
    sent = await authorized(browser)
    assert sent.status_code == 303, sent.text
    async with httpx.AsyncClient() as outside:
        return str((await outside.get(sent.headers["location"])).headers["location"])


def told(response: httpx.Response) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


@pytest.fixture(autouse=True)
async def _analysts_read(app: FastAPI) -> None:
    admin = Principal("admin", "acme", grantable_scopes(ROOT / "functions"))
    order = AssignmentOrder.model_validate({"role": "reader", "principal": {"type": "group", "id": ANALYSTS}})
    with calling(CallContext(admin)):
        await app.state.identity.roles.assign(admin, order)


async def signed_in(browser: httpx.AsyncClient) -> httpx.Response:
    """The token endpoint's answer to the code of a user who has signed in at Entra ID."""
    finished = await browser.get(await back_from_entra(browser))
    assert finished.headers["location"].startswith(BACK)
    form = {
        "grant_type": "authorization_code",
        "client_id": "console",
        "code": told(finished)["code"],
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    return await browser.post("/identity/oauth2/token", data=form)


async def test_a_user_of_an_allowed_tenant_signs_in_at_entra(browser: httpx.AsyncClient, issuer: Issuer) -> None:
    issuer.user = {"groups": [ANALYSTS], "name": "Ada"}
    answer = await signed_in(browser)
    assert (answer.status_code, answer.json()["scope"]) == (200, "metadata.read")


async def test_a_session_goes_on_as_long_as_tenant_and_role_do(
    app: FastAPI, browser: httpx.AsyncClient, issuer: Issuer
) -> None:
    issuer.user = {"groups": [ANALYSTS]}

    async def refreshed(token: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "client_id": "console", "refresh_token": token}
        return await browser.post("/identity/oauth2/token", data=form)

    first, second = [(await signed_in(browser)).json()["refresh_token"] for _ in range(2)]
    again = await refreshed(first)
    assert again.status_code == 200
    admin, roles = Principal("admin", "acme"), app.state.identity.roles
    [assigned] = await roles.assignments("acme", None, 10)
    with calling(CallContext(admin)):
        await roles.unassign(admin, assigned.id, None)
    refused = await refreshed(again.json()["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")

    grantable = Principal("admin", "acme", grantable_scopes(ROOT / "functions"))
    order = AssignmentOrder(role="reader", principal=assigned.principal)
    with calling(CallContext(grantable)):
        await roles.assign(grantable, order)
    app.state.runtime.settings.entra_tenants.clear()
    gone = await refreshed(second)
    assert (gone.status_code, gone.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "user",
    [
        {"groups": []},
        {"groups": [ANALYSTS], "nonce": "another"},
        {"groups": [ANALYSTS], "aud": "another-client"},
        {"groups": [ANALYSTS], "tid": RIVAL_TID},
    ],
)
async def test_whom_entra_does_not_vouch_for_as_expected_is_denied(
    browser: httpx.AsyncClient, issuer: Issuer, user: dict[str, object]
) -> None:
    issuer.user = user
    back = told(await browser.get(await back_from_entra(browser)))
    assert (back["error"], back["state"]) == ("access_denied", "s")


async def test_an_answer_for_another_browser_is_refused(
    app: FastAPI, browser: httpx.AsyncClient, issuer: Issuer
) -> None:
    issuer.user = {"groups": [ANALYSTS]}
    stolen = await back_from_entra(browser)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=EDGE) as victim:
        assert (await victim.get(stolen)).status_code == 400
        await authorized(victim)
        assert (await victim.get(stolen)).status_code == 400


async def test_with_entra_there_is_no_development_login(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/identity/login", data={"ticket": "x", "user": "admin", "password": "x"})
    assert answer.status_code == 404


def test_the_development_login_is_refused_for_a_platform_elsewhere() -> None:
    with pytest.raises(ValueError, match="DEVELOPMENT_LOGIN"):
        Settings(development_login=True, issuer="https://platform.example/identity")
