from urllib.parse import parse_qs, urlsplit

import pytest

from functions.identity.login.request import BadRedirect, Reader, RefusedRequest
from functions.identity.schemas import Client
from functions.identity.sessions.session import challenge_of
from tests.unit.functions.identity.parts import ISSUER, finder

BACK = "https://app.example/cb"
QUERY = {
    "response_type": "code",
    "client_id": "console",
    "redirect_uri": BACK,
    "scope": "openid metadata.read",
    "state": "s",
    "code_challenge": challenge_of("v" * 43),
    "code_challenge_method": "S256",
}


def client(tenant: str) -> Client:
    return Client(
        client_id="console",
        tenant=tenant,
        kind="application",
        scopes=frozenset({"metadata.read"}),
        public=True,
        grants=frozenset({"authorization_code"}),
        redirect_uris=(BACK,),
    )


async def refusal(tenant: str = "platform", **changes: str | None) -> RefusedRequest:
    query = {name: value for name, value in {**QUERY, **changes}.items() if value is not None}
    with pytest.raises(RefusedRequest) as refused:
        await Reader(finder(client(tenant)), ISSUER).read(query, repeated=False)
    return refused.value


async def test_a_good_request_is_read() -> None:
    asked, _ = await Reader(finder(client("platform")), ISSUER).read(QUERY, repeated=False)
    assert (asked.scope, asked.state, asked.redirect_uri) == ("openid metadata.read", "s", BACK)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "x"}, "request_not_supported"),
        ({"request_uri": "https://evil.example"}, "request_uri_not_supported"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"nonce": "n" * 257}, "invalid_request"),
        ({"scope": "audit.read"}, "invalid_scope"),
        ({"scope": "metadata.read  openid"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_a_refusal_names_its_cause_the_issuer_and_the_state(changes: dict[str, str | None], error: str) -> None:
    told = parse_qs(urlsplit((await refusal(**changes)).redirect).query)
    assert (told["error"], told["iss"], told["state"]) == ([error], [ISSUER], ["s"])


async def test_a_state_that_is_too_long_is_not_sent_back() -> None:
    assert "state=" not in (await refusal(state="s" * 1025)).redirect


async def test_only_the_operators_own_clients_are_redirected_to_at_once() -> None:
    assert (await refusal("platform", scope="x")).at_once
    assert not (await refusal("acme", scope="x")).at_once


@pytest.mark.parametrize("changes", [{"client_id": "nobody"}, {"redirect_uri": BACK + "/"}, {"redirect_uri": ""}])
async def test_nothing_is_sent_to_an_address_that_is_not_the_clients(changes: dict[str, str]) -> None:
    with pytest.raises(BadRedirect):
        await Reader(finder(client("platform")), ISSUER).read({**QUERY, **changes}, repeated=False)
    with pytest.raises(BadRedirect):
        await Reader(finder(client("platform")), ISSUER).read(QUERY, repeated=True)
