"""`call: function`: of `use.functions`, of catalogs of functions, by URL, and of the platform's catalog."""

from typing import Any

import pytest

from functions.workflow.errors import DefinitionInvalid, DefinitionNotSupported
from tests.integration.workflow.calls.running import run
from tests.integration.workflow.calls.third_party import ThirdParty


def own(third_party: ThirdParty, use: str = "") -> str:
    return f"""
use:
  {use}
  functions:
    getPet:
      input:
        schema: {{document: {{type: object, required: [petId], properties: {{petId: {{type: integer}}}}}}}}
      call: http
      with: {{method: get, endpoint: '{third_party.url}/pet/{{petId}}'}}
      output: {{as: .path}}
    twice:
      do:
        - first: {{call: getPet, with: {{petId: '${{ .id }}'}}, export: {{as: '{{first: .}}'}}}}
        - second: {{call: getPet, with: {{petId: 2}}}}
        - both: {{set: {{all: '${{ [$context.first, .] }}'}}}}
do:
  - ask: {{call: twice, with: {{id: 1}}}}
"""


async def test_functions_of_the_definition_take_arguments_and_call_each_other(
    house: Any, third_party: ThirdParty
) -> None:
    found = await run(house, own(third_party))
    assert found.status == "completed", found.error
    assert found.output == {"all": ["/pet/1", "/pet/2"]}
    assert found.tasks[1].reference == "/do/0/ask/call"


async def test_a_functions_error_stands_at_the_call(house: Any, third_party: ThirdParty) -> None:
    found = await run(house, own(third_party).replace("{id: 1}", "{id: x}"))
    assert (found.error.type.rsplit("/", 1)[1], found.error.instance) == ("validation", "/do/0/ask")


async def test_a_function_that_calls_itself_is_refused(house: Any, third_party: ThirdParty) -> None:
    body = own(third_party).replace("getPet, with: {petId: 2}", "twice, with: {petId: 2}")
    with pytest.raises(DefinitionInvalid, match="ends up calling itself"):
        await run(house, body)


FUNCTION = "input: {schema: {document: {type: object, required: [n]}}}\nset: {double: '${ .n * 2 }'}\n"


def cataloged(third_party: ThirdParty, call: str) -> str:
    return f"""
use: {{catalogs: {{mine: {{endpoint: {{uri: '{third_party.url}/catalog'}}}}}}}}
do: [{{ask: {{call: '{call}', with: {{n: 21}}}}}}]
"""


@pytest.mark.parametrize("call", ["double:1.0.0@mine", "{url}/catalog/functions/double/1.0.0/function.yaml"])
async def test_functions_from_elsewhere_are_fetched_and_run(house: Any, third_party: ThirdParty, call: str) -> None:
    third_party.documents["/catalog/functions/double/1.0.0/function.yaml"] = FUNCTION
    found = await run(house, cataloged(third_party, call.format(url=third_party.url)))
    assert found.status == "completed", found.error
    assert found.output == {"double": 42}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("set: {a: '${ $secrets.mine }'}", "$secrets"),
        ("call: http\nwith: {method: get, endpoint: {uri: 'http://x', authentication: {basic: {use: mine}}}}", "mine"),
        ("call: processing.nonsense", "processing.nonsense"),
        ("nonsense: 1", "one of the keys"),
        ("[1]", "no object"),
    ],
)
async def test_a_fetched_function_is_checked_and_gets_no_secret(
    house: Any, third_party: ThirdParty, text: str, reason: str
) -> None:
    third_party.documents["/catalog/functions/double/1.0.0/function.yaml"] = text
    body = cataloged(third_party, "double:1.0.0@mine").replace("use: {", "use: {secrets: [mine], ")
    found = await run(house, body)
    assert found.error.type.endswith("/configuration"), found.error
    assert reason in found.error.detail


@pytest.mark.parametrize("call", ["double:1.0.0@other", "nonsense:1.0.0@default", "processing.run:2.0.0@default"])
async def test_catalogs_that_are_not_there_are_refused_at_once(house: Any, third_party: ThirdParty, call: str) -> None:
    with pytest.raises(DefinitionInvalid, match=r"there is no (catalog|function)"):
        await run(house, cataloged(third_party, call))


async def test_an_unknown_function_is_refused_at_once(house: Any) -> None:
    with pytest.raises(DefinitionNotSupported, match="function nonsense"):
        await run(house, "do: [{ask: {call: nonsense}}]")


async def test_the_platforms_catalog_is_called_by_name_and_by_version(house: Any) -> None:
    for call in ("metadata.validate", "metadata.validate:1.0.0@default"):
        found = await run(house, f"do: [{{ask: {{call: '{call}', with: {{schema: s, items: [1]}}}}}}]")
        assert found.status == "completed", found.error
    assert [path for _, path, _ in house.services.asked] == ["/metadata/schemas/s/versions/latest/validate"] * 2


async def test_arguments_are_checked_when_put_and_when_called(house: Any) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        await run(house, "do: [{ask: {call: metadata.validate, with: {schema: 5, items: [1]}}}]")
    assert refused.value.extensions["errors"][0]["path"] == "/do/0/ask/with/schema"
    found = await run(house, "do: [{ask: {call: metadata.validate, with: {schema: '${ .s }', items: []}}}]", {"s": 5})
    assert found.error.type.endswith("/validation")
