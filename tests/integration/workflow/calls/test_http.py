"""`call: http` from a definition to a real server and back."""

from typing import Any

import pytest

from tests.integration.workflow.calls.running import run
from tests.integration.workflow.calls.third_party import ThirdParty


def get(third_party: ThirdParty, path: str, more: str = "") -> str:
    return f"do: [{{ask: {{call: http, with: {{method: get, endpoint: '{third_party.url}{path}'{more}}}}}}}]"


async def test_a_request_carries_what_its_definition_says(house: Any, third_party: ThirdParty) -> None:
    body = f"""
do:
  - ask:
      call: http
      with:
        method: post
        endpoint: {third_party.url}/pets/{{petId}}?kind={{kind}}
        headers: {{X-Trace: '${{ .trace }}'}}
        query: {{q: '${{ .search }}', fixed: a/b}}
        body: {{name: '${{ .name }}'}}
"""
    given = {"petId": 7, "kind": "a b", "trace": "t1", "search": "ü&x", "name": "milou"}
    found = await run(house, body, given)
    assert found.status == "completed", found.error
    [asked] = third_party.requests
    assert asked["path"] == "/pets/7?kind=a%20b&fixed=a/b&q=%C3%BC%26x"
    assert (asked["method"], asked["body"], asked["headers"]["X-Trace"]) == ("POST", b'{"name": "milou"}', "t1")
    assert asked["headers"]["Content-Type"] == "application/json"
    assert found.output["method"] == "POST"


async def test_headers_and_query_may_be_expressions_as_a_whole(house: Any, third_party: ThirdParty) -> None:
    more = ", headers: '${ .h }', query: '${ .q }'"
    found = await run(house, get(third_party, "/x", more), {"h": {"X-A": "1"}, "q": {"a": ["1", 2], "b": None}})
    assert found.status == "completed", found.error
    assert third_party.requests[0]["path"] == "/x?a=1&a=2"
    assert third_party.requests[0]["headers"]["X-A"] == "1"


@pytest.mark.parametrize(
    ("path", "output", "wanted"),
    [
        ("/text", "content", "grüß"),
        ("/binary", "content", "AAECAw=="),
        ("/binary", "raw", "AAECAw=="),
    ],
)
async def test_answers_come_by_their_content_type(
    house: Any,
    third_party: ThirdParty,
    path: str,
    output: str,
    wanted: str,
) -> None:
    found = await run(house, get(third_party, path, f", output: {output}"))
    assert found.output == wanted, found.error


async def test_the_whole_response_names_its_request(house: Any, third_party: ThirdParty) -> None:
    found = await run(house, get(third_party, "/pet/1", ", output: response"))
    assert found.output["statusCode"] == 200
    assert found.output["request"]["method"] == "get"
    assert found.output["request"]["uri"] == f"{third_party.url}/pet/1"
    assert found.output["headers"]["content-type"].startswith("application/json")
    assert found.output["content"]["path"] == "/pet/1"


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        ("/status/404", "communication", 404),
        ("/status/503", "communication", 503),
        ("/moved", "communication", 302),
        ("/broken", "communication", 502),
        ("/large", "communication", 502),
    ],
)
async def test_what_goes_wrong_is_the_specifications_error(
    house: Any,
    third_party: ThirdParty,
    path: str,
    kind: str,
    status: int,
) -> None:
    found = await run(house, get(third_party, path))
    assert found.status == "faulted"
    assert found.error.type == f"https://serverlessworkflow.io/spec/1.0.0/errors/{kind}"
    assert found.error.status == status
    assert found.error.instance == "/do/0/ask"


@pytest.mark.usefixtures("impatient")
async def test_an_answer_that_does_not_come_is_the_specifications_timeout(house: Any, third_party: ThirdParty) -> None:
    found = await run(house, get(third_party, "/wait"))
    assert (found.error.type.rsplit("/", 1)[1], found.error.status) == ("timeout", 408)
    assert found.error.instance == "/do/0/ask"


async def test_redirects_are_followed_when_the_call_says_so(house: Any, third_party: ThirdParty) -> None:
    found = await run(house, get(third_party, "/moved", ", redirect: true"))
    assert found.output["path"] == "/there"
    assert third_party.paths() == ["/moved", "/there"]


async def test_nothing_listening_is_a_communication_error(house: Any) -> None:
    found = await run(house, "do: [{ask: {call: http, with: {method: get, endpoint: 'http://127.0.0.1:1/'}}}]")
    assert (found.error.status, found.error.type.rsplit("/", 1)[1]) == (503, "communication")


async def test_an_address_inside_is_refused(house: Any) -> None:
    body = "do: [{ask: {call: http, with: {method: get, endpoint: 'http://169.254.169.254/latest/meta-data'}}}]"
    found = await run(house, body)
    assert (found.error.status, found.error.title) == (403, "The address may not be called")


async def test_an_endpoint_that_data_describes_as_a_whole_is_refused(house: Any, third_party: ThirdParty) -> None:
    body = "do: [{ask: {call: http, with: {method: get, endpoint: '${ .endpoint }'}}}]"
    given = {"endpoint": {"uri": third_party.url, "authentication": {"basic": {"use": "mine"}}}}
    found = await run(house, body, given)
    assert found.error.title == "Not an address"
    assert third_party.requests == []


async def test_a_retry_repeats_the_idempotency_key_and_a_new_call_has_another(
    house: Any,
    third_party: ThirdParty,
) -> None:
    third_party.failures = [503, 503]
    body = f"""
do:
  - safely:
      try:
        - first: {{call: http, with: {{method: post, endpoint: '{third_party.url}/a'}}}}
        - second: {{call: http, with: {{method: post, endpoint: '{third_party.url}/a'}}}}
      catch: {{retry: {{limit: {{attempt: {{count: 3}}}}}}}}
"""
    found = await run(house, body)
    while found.status == "waiting":
        assert house.clock.go_to_next()
        await house.idle()
        found = await house.read(found.id)
    assert found.status == "completed", found.error
    keys = [request["headers"]["idempotency-key"] for request in third_party.requests]
    assert keys[0] == keys[1] == keys[2] != keys[3]


async def test_headers_of_the_runtime_are_not_the_definitions_to_set(house: Any, third_party: ThirdParty) -> None:
    for header in ("Host: evil", "Transfer-Encoding: chunked", "'X Y': b"):
        found = await run(house, get(third_party, "/x", f", headers: {{{header}}}"))
        assert found.error.type.endswith("/configuration"), header
    found = await run(house, get(third_party, "/x", ", headers: {X: '${ .v }'}"), {"v": "a\r\nHost: evil"})
    assert found.error.type.endswith("/configuration")
    assert third_party.requests == []
