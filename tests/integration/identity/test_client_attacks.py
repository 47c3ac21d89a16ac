"""The attack table for proofs of clients, each row at the edge and straight at identity."""

from time import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc.jwk import ECKey

from chassis.auth.service_token import ASSERTION_TYPE
from tests.integration.identity.asking import by_assertion, refused, unsigned
from tests.integration.identity.conftest import Running, basic


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


def test_tokens_can_not_be_tried_out_without_a_proof(running: Running, base: str) -> None:
    answer = httpx.post(
        f"{base}/identity/oauth2/introspect", data={"token": running.token("operator"), "client_id": "console"}
    )
    assert refused(answer, "invalid_client")
