"""Users sign in: authorization code with PKCE, refresh, introspection and revocation, through the edge."""

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.integration.identity.conftest import Browser, Running, answered


def test_a_user_signs_in_and_the_console_gets_tokens_for_what_the_user_may(running: Running, browser: Browser) -> None:
    page = browser.authorize()
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert (page.headers["x-frame-options"], page.headers["cache-control"]) == ("DENY", "no-store")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert {"HttpOnly", "SameSite=lax", "Path=/identity/login"} <= set(page.headers["set-cookie"].split("; "))
    back = answered(browser.submit(page))
    assert (back["state"], back["iss"]) == ("abc", f"{running.edge}/identity")
    answer = browser.redeem(back["code"])
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert tokens["scope"] == "openid metadata.read metadata.write"
    keys = KeySet.import_key_set(running.ask("GET", "/identity/.well-known/jwks.json").json())
    id_token = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
    assert (id_token["aud"], id_token["nonce"], id_token["sub"]) == ("console", "n-1", "admin")
    access = jwt.decode(tokens["access_token"], keys, algorithms=["RS256"]).claims
    assert (access["kind"], access["tid"], access["roles"]) == ("user", "demo", ["administrator"])
    assert running.ask("GET", "/metadata/schemas", tokens["access_token"]).status_code == 200
    assert running.ask("GET", "/identity/clients", tokens["access_token"]).status_code == 403


def test_a_wrong_password_is_said_on_the_page_and_nothing_else_is(browser: Browser) -> None:
    page = browser.submit(browser.authorize(), password="wrong")
    assert page.status_code == 401
    assert 'role="alert"' in page.text
    unknown = browser.submit(browser.authorize(), user="nobody", password="wrong")
    assert "The user name or the password is wrong." in page.text
    assert "The user name or the password is wrong." in unknown.text


def test_a_sign_in_can_not_be_finished_in_another_browser(running: Running, browser: Browser) -> None:
    page = browser.authorize()
    other = Browser(running)
    other.authorize()
    assert other.submit(page).status_code == 400
    assert browser.submit(page).status_code == 303


def test_a_refreshed_session_goes_on_with_a_new_refresh_token(running: Running, browser: Browser) -> None:
    first = browser.redeem(browser.code()).json()
    second = browser.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    third = browser.refresh(second["refresh_token"], scope="metadata.read")
    assert third.json()["scope"] == "metadata.read"
    for wanted in ("audit.read", "metadata.read\tmetadata.write", "metadata.read audit.read"):
        assert browser.refresh(third.json()["refresh_token"], scope=wanted).json()["error"] == "invalid_scope"


def test_a_revoked_refresh_token_ends_the_session_and_its_access_tokens(running: Running, browser: Browser) -> None:
    tokens = browser.redeem(browser.code()).json()
    demo = running.credentials("demo")

    def active() -> bool:
        url = f"{running.edge}/identity/oauth2/introspect"
        return bool(httpx.post(url, data={"token": tokens["access_token"]}, auth=demo).json()["active"])

    assert active()
    revoked = httpx.post(
        f"{running.edge}/identity/oauth2/revoke", data={"token": tokens["refresh_token"], "client_id": "console"}
    )
    assert revoked.status_code == 200
    assert not active()
    assert browser.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_public_client_gets_no_token_of_its_own(running: Running) -> None:
    answer = running.token_answer(grant_type="client_credentials", client_id="console")
    assert answer.json()["error"] == "unauthorized_client"


def test_the_discovery_document_names_every_grant_and_endpoint(running: Running) -> None:
    found = running.ask("GET", "/identity/.well-known/oauth-authorization-server").json()
    for path in ("/identity/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/identity"):
        assert running.ask("GET", path).json() == found
    assert found["code_challenge_methods_supported"] == ["S256"]
    for endpoint in (
        "token",
        "introspection",
        "revocation",
    ):  # RFC 8414 section 2
        assert "private_key_jwt" in found[f"{endpoint}_endpoint_auth_methods_supported"]
        assert found[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] == ["ES256"]
    assert set(found["grant_types_supported"]) >= {"authorization_code", "refresh_token", "client_credentials"}
    assert {"metadata.read", "audit.read"} <= set(found["scopes_supported"])
    assert "identity.keys" not in found["scopes_supported"]
    # What is left out is true for OpenID Connect Discovery.
    assert (found["request_parameter_supported"], found["request_uri_parameter_supported"]) == (False, False)
    assert found["authorization_response_iss_parameter_supported"]
