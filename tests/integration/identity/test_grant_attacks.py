"""The attack table for the token and authorization endpoints, each row at the edge and straight at identity."""

import json
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc.jwk import ECKey

from chassis.auth.service_token import ASSERTION_TYPE, ServiceToken
from chassis.errors import Unauthorized
from tests.integration.identity.conftest import EXCHANGE, Browser, Running, answered, basic
from tests.integration.identity.issuers import ACME_TID, ANALYSTS

API_KEY_OWNER = "urn:platform:params:oauth:token-type:api-key-owner"


@pytest.fixture(params=["at the edge", "straight at identity"])
def base(request: pytest.FixtureRequest, running: Running) -> str:
    return running.edge if request.param == "at the edge" else running.url("identity")


@pytest.fixture
def browser(running: Running, base: str) -> Browser:
    return Browser(running, base)


def by_assertion(running: Running, base: str, assertion: str, **form: str) -> httpx.Response:
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return running.token_answer(base=base, **{"grant_type": "client_credentials", **proof, **form})


def refused(answer: httpx.Response, error: str) -> bool:
    return answer.status_code in (400, 401) and answer.json()["error"] == error


def test_a_replayed_assertion_is_refused(running: Running, base: str) -> None:
    assertion = running.assertion("gateway")
    assert by_assertion(running, base, assertion).status_code == 200
    assert refused(by_assertion(running, base, assertion), "invalid_client")
    assert refused(by_assertion(running, running.edge, assertion), "invalid_client")


def test_a_used_jti_in_a_new_assertion_is_refused(running: Running, base: str) -> None:
    jti = uuid4().hex
    assert by_assertion(running, base, running.assertion("gateway", jti=jti)).status_code == 200
    again = running.assertion("gateway", jti=jti, exp=int(time()) + 120)
    assert refused(by_assertion(running, base, again), "invalid_client")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.example"},
        {"iss": "svc-metadata"},
        {"sub": "svc-metadata"},
        {"exp": -60},
        {"exp": 3600},
        {"nbf": 300},
        {"jti": None},
        {"jti": "\N{GRINNING FACE}" * 100},
        {"iss": "svc-metadata", "sub": "svc-metadata"},
        {"iss": "console", "sub": "console"},
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(running: Running, base: str, claims: dict[str, Any]) -> None:
    # Times are seconds from now: of when the test runs, not of when it was collected.
    told = {name: value + int(time()) if isinstance(value, int) else value for name, value in claims.items()}
    assert refused(by_assertion(running, base, running.assertion("gateway", **told)), "invalid_client")


def test_an_assertion_that_another_server_could_send_on_is_refused(running: Running, base: str) -> None:
    for audience in (["https://elsewhere.example", f"{running.edge}/identity"], f"{running.edge}/identity/", []):
        assert refused(by_assertion(running, base, running.assertion("gateway", aud=audience)), "invalid_client")


def unsigned(payload: bytes) -> str:
    parts = (b'{"alg":"ES256","kid":"x"}', payload, b"x" * 64)
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


STRANGE = {
    "an id of 12,000 characters": {"client_id": "a" * 12_000 + ".b", "client_secret": "x"},
    "an id with a NUL": {"client_id": "a\0.b", "client_secret": "x"},
    "an id with what a table's key can't have": {"client_id": "a/\\#?'.b", "client_secret": "x"},
    "an id that is no ASCII": {"client_id": "d\N{LATIN SMALL LETTER E WITH ACUTE}mo.b", "client_secret": "x"},
    "claims nested 8,000 deep": {"client_assertion": unsigned(b"[" * 8000)},
    "claims nested 8,000 deep, with an id": {"client_assertion": unsigned(b"[" * 8000), "client_id": "svc-gateway"},
    "half a surrogate pair as issuer": {"client_assertion": unsigned(b'{"iss":"\\ud800.x"}')},
}


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("endpoint", ["token", "introspect", "revoke"])
def test_whatever_stands_in_place_of_a_client_is_refused_as_one(base: str, strange: str, endpoint: str) -> None:
    form = {"grant_type": "client_credentials", "token": "x", "client_assertion_type": ASSERTION_TYPE}
    answer = httpx.post(f"{base}/identity/oauth2/{endpoint}", data={**form, **STRANGE[strange]})
    assert refused(answer, "invalid_client")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["www-authenticate"] == 'Basic realm="identity"'


def test_an_assertion_of_another_key_is_refused(running: Running, base: str) -> None:
    forged = running.assertion("gateway", key=ECKey.generate_key("P-256"))
    assert refused(by_assertion(running, base, forged), "invalid_client")


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


@pytest.fixture
def reader(running: Running) -> str:
    """A platform token that carries little."""
    return running.token(scope="metadata.read")


def exchanged(running: Running, base: str, token: str, name: str = "demo", **form: str) -> httpx.Response:
    kind = "urn:ietf:params:oauth:token-type:access_token"
    told = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": kind}
    return running.token_answer(running.credentials(name), base=base, **{**told, **form})


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


def test_tokens_can_not_be_tried_out_without_a_proof(running: Running, base: str) -> None:
    answer = httpx.post(
        f"{base}/identity/oauth2/introspect", data={"token": running.token("operator"), "client_id": "console"}
    )
    assert refused(answer, "invalid_client")


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


def test_two_methods_of_proof_at_once_are_refused(running: Running, base: str) -> None:
    client, secret = running.credentials("demo")
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    assert refused(running.token_answer((client, secret), base=base, **form), "invalid_request")


def test_who_guesses_is_locked_out_with_a_time_to_wait(running: Running, base: str) -> None:
    client = f"victim-{uuid4().hex}"

    def guessed() -> httpx.Response:
        return running.token_answer((client, "guess"), base=base, grant_type="client_credentials")

    assert {guessed().status_code for _ in range(6)} == {401}
    # From then on each failure doubles the wait, from one second: a slow machine has waited for the first ones.
    locked = next(answer for answer in (guessed() for _ in range(10)) if answer.status_code != 401)
    assert (locked.status_code, locked.json()["error"]) == (429, "invalid_client")
    assert int(locked.headers["retry-after"]) >= 1
    assert running.token_answer(running.credentials("demo"), base=base, grant_type="client_credentials").is_success


def test_an_address_is_the_edges_word_and_not_the_callers(running: Running) -> None:
    client, url = f"victim-{uuid4().hex}", f"{running.edge}/identity/oauth2/token"
    statuses = []
    for number in range(9):
        pretended = [("x-forwarded-for", f"192.0.2.{number}"), ("X-Forwarded-For", f"2001:db8:{number}::1")]
        headers = [("authorization", basic(client, "guess")), *pretended]
        statuses.append(httpx.post(url, data={"grant_type": "client_credentials"}, headers=headers).status_code)
    assert statuses[-1] == 429


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
