"""Schemas that lie elsewhere: fetched when the definition is put, and part of it from then on."""

import json
from typing import Any

import pytest

from functions.workflow import composition
from functions.workflow.errors import DefinitionInvalid
from functions.workflow.schemas import DefinitionId
from tests.integration.workflow.calls.running import run
from tests.integration.workflow.calls.third_party import ThirdParty

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def body(third_party: ThirdParty) -> str:
    return (
        f"input: {{schema: {{resource: {{endpoint: '{third_party.url}/number.json'}}}}}}\n"
        f"do: [{{s: {{set: {{n: '${{ .n + 1 }}'}},"
        f" output: {{schema: {{resource: {{endpoint: {{uri: '{third_party.url}/number.json'}}}}}}}}}}}}]"
    )


def text(third_party: ThirdParty) -> bytes:
    head = "document: {dsl: '1.0.3', namespace: test, name: elsewhere, version: '1.0.0'}\n"
    return (head + body(third_party)).encode()


async def test_a_schema_is_fetched_when_the_definition_is_put(house: Any, third_party: ThirdParty) -> None:
    third_party.documents = {"/number.json": json.dumps(NUMBER)}
    found = await run(house, body(third_party), {"n": 1})
    assert (found.status, found.output) == ("completed", {"n": 2})


async def test_what_changes_there_changes_nothing_here(house: Any, third_party: ThirdParty) -> None:
    third_party.documents = {"/number.json": json.dumps(NUMBER)}
    definitions, tenant = composition.definitions(), house.caller.tenant
    id, is_new = await definitions.put(tenant, text(third_party))
    assert is_new
    third_party.documents = {}
    assert await definitions.put(tenant, text(third_party)) == (id, False)
    read = await definitions.read(tenant, DefinitionId(**id.model_dump()))
    assert read.document["input"]["schema"] == {"document": NUMBER}


@pytest.mark.parametrize("there", ["no schema", '{"type": "nothing"}', '{"$ref": "http://127.0.0.1:1/x"}'])
async def test_what_is_no_schema_is_refused_with_its_place(house: Any, third_party: ThirdParty, there: str) -> None:
    third_party.documents = {"/number.json": there}
    with pytest.raises(DefinitionInvalid) as refused:
        await composition.definitions().put(house.caller.tenant, text(third_party))
    assert str(refused.value.extensions["errors"][0]["path"]).startswith("/input/schema/")


async def test_what_is_not_there_is_refused(house: Any) -> None:
    body = b"""document: {dsl: '1.0.3', namespace: test, name: elsewhere, version: '1.0.0'}
input: {schema: {resource: {endpoint: 'file:///none.json'}}}
do: [{s: {set: {n: 1}}}]"""
    with pytest.raises(DefinitionInvalid, match="folder"):
        await composition.definitions().put(house.caller.tenant, body)
