"""The attack table for codes, sessions and the sign-in, each row at the edge and straight at identity."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc.jwk import ECKey

from tests.integration.identity.asking import by_assertion, exchanged, refused
from tests.integration.identity.conftest import Browser, Running, answered
from tests.integration.identity.issuers import ACME_TID, ANALYSTS


@pytest.fixture
def browser(running: Running, base: str) -> Browser:
    return Browser(running, base)


def test_a_code_is_good_once_and_its_reuse_ends_what_came_of_it(running: Running, browser: Browser) -> None:
    code = browser.code()
    tokens = browser.redeem(code).json()
    assert refused(browser.redeem(code), "invalid_grant")
    assert refused(browser.refresh(tokens["refresh_token"]), "invalid_grant")


def test_a_code_of_another_client_is_refused_and_stays_good_for_its_own(running: Running, browser: Browser) -> None:
    order = {
        "name": "other console",
        "authentication": "public",
        "grants": ["authorization_code"],
        "redirectUris": [browser.redirect_uri],
        "scopes": ["metadata.read"],
    }
    other = running.ask("POST", "/identity/clients", running.token(), json=order).json()["clientId"]
    code = browser.code()
    assert refused(browser.redeem(code, client_id=other), "invalid_grant")
    assert browser.redeem(code).status_code == 200


def test_a_wrong_verifier_is_refused_and_burns_the_code(browser: Browser) -> None:
    code = browser.code()
    assert refused(browser.redeem(code, code_verifier="w" * 43), "invalid_grant")
    assert refused(browser.redeem(code), "invalid_grant")


@pytest.mark.parametrize("verifier", ["", "v" * 42, "v" * 129, "v" * 42 + "é"])
def test_a_verifier_that_is_none_is_refused(browser: Browser, verifier: str) -> None:
    answer = browser.redeem(browser.code(), code_verifier=verifier)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": "short"},
    ],
)
def test_pkce_can_not_be_left_out_or_weakened(browser: Browser, changes: dict[str, str | None]) -> None:
    assert answered(browser.authorize(**changes))["error"] == "invalid_request"


def test_a_challenge_itself_is_no_verifier(browser: Browser) -> None:
    assert refused(browser.redeem(browser.code(), code_verifier=browser.request()["code_challenge"]), "invalid_grant")


REDIRECTS = {
    "slash more": lambda uri: uri + "/",
    "query more": lambda uri: uri + "?x=1",
    "fragment": lambda uri: uri + "#x",
    "path below": lambda uri: uri + "/evil",
    "path above": lambda uri: uri + "/../evil",
    "encoded dots": lambda uri: uri + "/%2e%2e/evil",
    "other case": lambda uri: uri.replace("console", "Console"),
    "other port": lambda uri: uri.replace("/console", "1/console"),
    "other name of the host": lambda uri: uri.replace("127.0.0.1", "localhost"),
    "other scheme": lambda uri: uri.replace("http:", "https:"),
    "user name before the host": lambda uri: uri.replace("http://", "http://evil@"),
    "host behind the host": lambda uri: uri.replace("/console", "@evil.example/console"),
    "dot behind the host": lambda uri: uri.replace("127.0.0.1", "127.0.0.1.evil.example"),
    "backslash": lambda uri: uri.replace("//", "/\\"),
    "space behind": lambda uri: uri + " ",
    "line break": lambda uri: uri + "\r\nSet-Cookie: a=b",
    "script": lambda uri: "javascript:alert(1)//" + uri,
    "elsewhere": lambda uri: "https://evil.example/console/callback",
    "empty": lambda uri: "",
}


@pytest.mark.parametrize("variant", REDIRECTS)
def test_no_variant_of_a_redirect_uri_is_taken_or_redirected_to(browser: Browser, variant: str) -> None:
    answer = browser.authorize(redirect_uri=REDIRECTS[variant](browser.redirect_uri))
    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_a_redirect_uri_that_comes_twice_is_not_redirected_to(browser: Browser) -> None:
    pairs = [*browser.request().items(), ("redirect_uri", "https://evil.example/")]
    answer = browser.client.get(f"{browser.base}/identity/oauth2/authorize", params=pairs)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_no_link_leads_through_the_sign_in_to_where_a_tenant_wants(running: Running, browser: Browser) -> None:
    order = {
        "name": "phisher",
        "authentication": "public",
        "grants": ["authorization_code"],
        "redirectUris": ["https://evil.example/login"],
    }
    client = running.ask("POST", "/identity/clients", running.token(), json=order).json()["clientId"]
    answer = browser.authorize(client_id=client, redirect_uri="https://evil.example/login", scope="no.such")
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert "Go on to https://evil.example</a>" in answer.text


def test_a_code_goes_only_with_the_redirect_uri_that_it_was_asked_for_with(browser: Browser) -> None:
    other = browser.redirect_uri.removesuffix("callback")
    assert refused(browser.redeem(browser.code(), redirect_uri=other), "invalid_grant")


def test_a_reused_refresh_token_ends_the_whole_family(browser: Browser) -> None:
    first = browser.redeem(browser.code()).json()["refresh_token"]
    second = browser.refresh(first).json()["refresh_token"]
    assert refused(browser.refresh(first), "invalid_grant")
    assert refused(browser.refresh(second), "invalid_grant")


@pytest.mark.parametrize("what", ["code", "refresh token"])
def test_of_requests_at_once_with_one_handle_one_is_answered_and_its_session_ends(browser: Browser, what: str) -> None:
    code = browser.code()
    if what == "refresh token":
        handle, use = browser.redeem(code).json()["refresh_token"], browser.refresh
    else:
        handle, use = code, browser.redeem
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(use, [handle] * 6))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(good) <= 1
    assert all(refused(answer, "invalid_grant") for answer in answers if answer.status_code != 200)
    for tokens in good:
        assert refused(browser.refresh(tokens["refresh_token"]), "invalid_grant")


def test_a_guessed_refresh_token_gives_nothing_and_ends_nothing(browser: Browser) -> None:
    good = browser.redeem(browser.code()).json()["refresh_token"]
    assert refused(browser.refresh(good[:-43] + "x" * 43), "invalid_grant")
    assert browser.refresh(good).status_code == 200


def test_a_ticket_can_not_be_altered(running: Running, browser: Browser) -> None:
    page = browser.authorize()
    ticket = page.text.split('name="ticket" value="')[1].split('"')[0]
    form = {"ticket": ticket[:-4] + "AAAA", "user": "admin", "password": "x"}
    assert browser.client.post(f"{browser.base}/identity/login", data=form).status_code == 400


def test_no_secret_is_in_any_log(running: Running, browser: Browser) -> None:
    """Last in this file: all that was sent above has been logged by then."""
    demo, password = running.credentials("demo")[1], json.loads((running.state / "console-login.json").read_text())
    code = browser.code()
    tokens = browser.redeem(code).json()
    assertions = [running.assertion("gateway"), running.assertion("metadata", key=ECKey.generate_key("P-256"))]
    for assertion in assertions:
        by_assertion(running, browser.base, assertion)
    outside = running.issuer.entra_token(ACME_TID, groups=[ANALYSTS])
    exchanged(running, browser.base, outside)
    page = browser.authorize()
    ticket = page.text.split('name="ticket" value="')[1].split('"')[0]
    browser.submit(page, password="a-wrong-password")
    running.token_answer(("demo", "a-wrong-secret-of-demo"), grant_type="client_credentials")
    secrets = [demo, password["password"], code, tokens["refresh_token"], tokens["access_token"], tokens["id_token"]]
    secrets += ["a-wrong-secret-of-demo", running.token(), running.service_token("gateway")]
    secrets += [*assertions, outside, ticket, "a-wrong-password", browser.verifier]
    secrets += [line for file in (running.state / "signing").iterdir() for line in [json.loads(file.read_text())["d"]]]
    logged = b"".join(file.read_bytes() for file in (running.state / "logs").iterdir())
    assert len(logged) > 1000
    assert [secret[:12] for secret in secrets if secret.encode() in logged] == []
