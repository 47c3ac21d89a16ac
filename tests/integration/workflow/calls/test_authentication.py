"""How calls prove who they are, against real challenges and a real token endpoint; and where secrets never appear."""

import json
import logging
from typing import Any

import pytest

from functions.workflow import composition
from tests.integration.workflow.calls.running import run
from tests.integration.workflow.calls.third_party import CLIENT_SECRET, PASSWORD, TOKEN, USER, ThirdParty

PLAIN = "plain-password"


async def keep(house: Any, name: str, value: Any) -> None:
    await composition.secrets().put(house.caller.tenant, name, value)


def ask(third_party: ThirdParty, path: str, authentication: str, use: str = "", more: str = "") -> str:
    return f"""
use: {{{use}}}
do:
  - ask:
      call: http
      with:
        method: get
        endpoint: {{uri: '{third_party.url}{path}', authentication: {authentication}}}
{more}
"""


@pytest.mark.parametrize(
    ("path", "authentication", "given"),
    [
        ("/basic/a", f"{{basic: {{username: {USER}, password: '${{ .p }}'}}}}", {"p": PASSWORD}),
        ("/bearer/a", "{bearer: {token: '${ .t }'}}", {"t": TOKEN}),
        ("/digest/a?b=c", f"{{digest: {{username: {USER}, password: {PLAIN}}}}}", None),
    ],
)
async def test_inline_policies_are_answered_with_success(
    house: Any, third_party: ThirdParty, path: str, authentication: str, given: Any
) -> None:
    found = await run(house, ask(third_party, path, authentication), given)
    assert found.status == "completed", found.error
    assert found.output["in"] is True


@pytest.mark.parametrize(
    ("path", "scheme", "value"),
    [
        ("/basic/a", "basic", {"username": USER, "password": PASSWORD}),
        ("/bearer/a", "bearer", {"token": TOKEN}),
        ("/bearer/a", "bearer", TOKEN),
        ("/digest/a", "digest", {"username": USER, "password": PLAIN}),
    ],
)
async def test_policies_by_secret_are_answered_with_success(
    house: Any, third_party: ThirdParty, path: str, scheme: str, value: Any
) -> None:
    await keep(house, "mine", value)
    named = f"secrets: [mine], authentications: {{a: {{{scheme}: {{use: mine}}}}}}"
    found = await run(house, ask(third_party, path, "{use: a}", named))
    assert found.status == "completed", found.error


async def test_a_secret_that_is_not_there_is_the_specifications_authorization_error(
    house: Any, third_party: ThirdParty
) -> None:
    found = await run(house, ask(third_party, "/basic/a", "{basic: {use: gone}}", "secrets: [gone]"))
    assert (found.error.status, found.error.type.rsplit("/", 1)[1]) == (403, "authorization")
    assert third_party.requests == []


OAUTH2 = "grant: client_credentials, client: {{id: wf, secret: {secret}{more}}}, scopes: [a, b], audiences: [x]"


@pytest.mark.parametrize("more", ["", ", authentication: client_secret_basic", ", authentication: client_secret_jwt"])
async def test_an_oauth2_token_is_asked_for_once_and_kept(house: Any, third_party: ThirdParty, more: str) -> None:
    fields = OAUTH2.format(secret=CLIENT_SECRET, more=more)
    policy = f"{{oauth2: {{authority: '{third_party.url}', {fields}}}}}"
    endpoint = f"{{uri: '{third_party.url}/bearer/b', authentication: {policy}}}"
    again = f"  - again: {{call: http, with: {{method: get, endpoint: {endpoint}}}}}"
    found = await run(house, ask(third_party, "/bearer/a", policy, more=again))
    assert found.status == "completed", found.error
    assert third_party.paths() == ["/oauth2/token", "/bearer/a", "/bearer/b"]
    [asked] = third_party.tokens
    assert (asked["grant_type"], asked["scope"], asked["audience"]) == ("client_credentials", "a b", "x")


async def test_a_token_that_is_refused_is_renewed_once(house: Any, third_party: ThirdParty) -> None:
    policy = f"{{oauth2: {{authority: '{third_party.url}', {OAUTH2.format(secret=CLIENT_SECRET, more='')}}}}}"
    await run(house, ask(third_party, "/bearer/a", policy))
    third_party.valid.clear()
    found = await run(house, ask(third_party, "/bearer/a", policy))
    assert found.status == "completed", found.error
    assert third_party.paths()[2:] == ["/bearer/a", "/oauth2/token", "/bearer/a"]


async def test_the_password_grant_as_json_by_oidc_discovery(house: Any, third_party: ThirdParty) -> None:
    policy = (
        f"{{oidc: {{authority: '{third_party.url}/realm', grant: password, username: u, password: p,"
        f" client: {{id: wf, secret: {CLIENT_SECRET}}}, request: {{encoding: application/json}}}}}}"
    )
    found = await run(house, ask(third_party, "/bearer/a", policy))
    assert found.status == "completed", found.error
    assert third_party.paths()[0] == "/realm/.well-known/openid-configuration"
    assert third_party.tokens[0]["username"] == "u"


async def test_a_refused_client_is_the_specifications_authentication_error(house: Any, third_party: ThirdParty) -> None:
    policy = f"{{oauth2: {{authority: '{third_party.url}', {OAUTH2.format(secret='wrong', more='')}}}}}"
    found = await run(house, ask(third_party, "/bearer/a", policy))
    assert (found.error.status, found.error.type.rsplit("/", 1)[1]) == (401, "authentication")
    assert "invalid_client" in found.error.detail


async def test_no_secret_is_found_in_history_read_model_events_or_logs(
    house: Any, third_party: ThirdParty, caplog: pytest.LogCaptureFixture
) -> None:
    """Every way in: by policy, in a header, in the query, in the body, in an address; echoed back, and in an error."""
    caplog.set_level(logging.DEBUG)
    await keep(house, "token", {"token": TOKEN})
    await keep(house, "key", "canary-api-key-42")
    await keep(house, "client", {"authority": third_party.url, "client": {"id": "wf", "secret": CLIENT_SECRET}})
    body = f"""
use:
  secrets: [token, key, client]
do:
  - byPolicy:
      call: http
      with:
        method: get
        endpoint: {{uri: '{third_party.url}/bearer/a', authentication: {{bearer: {{use: token}}}}}}
        output: response
  - everywhere:
      call: http
      with:
        method: post
        endpoint: '${{ "{third_party.url}/x/" + $secrets.key }}'
        headers: {{X-Key: '${{ $secrets.key + "!" }}'}}
        query: {{k: '${{ $secrets.key }}'}}
        body: {{deep: ['${{ $secrets.token.token }}', '${{ $context }}']}}
        output: response
  - byClient:
      call: http
      with:
        method: get
        endpoint: {{uri: '{third_party.url}/bearer/b', authentication: {{oauth2: {{use: client}}}}}}
        headers: {{X-Auth: '${{ $authorization.parameter }}'}}
  - fails:
      call: http
      with: {{method: get, endpoint: '{third_party.url}/x', headers: {{X: '${{ $secrets.key | tonumber }}'}}}}
"""
    found = await run(house, body)
    assert found.status == "faulted"
    assert found.error.instance == "/do/3/fails"
    assert [task.state for task in found.tasks] == ["completed"] * 3 + ["faulted"]
    sent = third_party.requests[1]
    assert (sent["headers"]["X-Key"], TOKEN.encode() in sent["body"]) == ("canary-api-key-42!", True)
    assert third_party.requests[3]["headers"]["X-Auth"].startswith("issued-token-")
    everything = "\n".join([found.model_dump_json(), caplog.text, await tables(house), history(house)])
    assert "byPolicy" in everything
    for canary in (TOKEN, "canary-api-key-42", CLIENT_SECRET, "issued-token-0"):
        place = everything.find(canary)
        assert place < 0, everything[max(0, place - 300) : place + 60]


async def tables(house: Any) -> str:
    names = ("workflowinstances", "workflowdefinitions", "workflowsecrets", "workflowstarts")
    rows = []
    for name in names:
        rows += [row async for row in house.runtime.tables.table(name).query(house.caller.tenant)]
    assert rows
    return json.dumps([{"key": row.key, **row.values} for row in rows], default=str)


def history(house: Any) -> str:
    """Every byte of the durable engine's files."""
    files = list(house.state.glob("hub.db*"))
    assert files
    return "".join(path.read_bytes().decode("latin-1") for path in files)


async def test_secrets_are_listed_by_name_and_belong_to_their_tenant(house: Any) -> None:
    await keep(house, "b", 1)
    await keep(house, "a", {"x": "y"})
    page = await composition.secrets().page(house.caller.tenant, None, 100)
    assert [item.name for item in page.items] == ["a", "b"]
    assert (await composition.secrets().page("stranger", None, 100)).items == []
    await composition.secrets().delete(house.caller.tenant, "a")
    await composition.secrets().delete(house.caller.tenant, "a")
    page = await composition.secrets().page(house.caller.tenant, None, 100)
    assert [item.name for item in page.items] == ["b"]
