"""`call: openapi` over documents that a real server serves."""

from typing import Any

import pytest

from tests.integration.workflow.calls.petstore import OPENAPI, swagger
from tests.integration.workflow.calls.running import run
from tests.integration.workflow.calls.third_party import TOKEN, ThirdParty


@pytest.fixture
def petstore(third_party: ThirdParty) -> ThirdParty:
    third_party.documents = {"/swagger.json": swagger(third_party.url), "/openapi.yaml": OPENAPI}
    return third_party


def call(petstore: ThirdParty, document: str, operation: str, parameters: str, more: str = "") -> str:
    return (
        f"do: [{{ask: {{call: openapi, with: {{document: {{endpoint: '{petstore.url}/{document}'}},"
        f" operationId: {operation}, parameters: {parameters}{more}}}}}}}]"
    )


@pytest.mark.parametrize(
    ("document", "operation", "parameters", "method", "path", "body"),
    [
        ("swagger.json", "findPetsByStatus", "{status: [a, b]}", "GET", "/v2/pet/findByStatus?status=a&status=b", ""),
        ("swagger.json", "findPetsByStatus", "{status: '${ .s }'}", "GET", "/v2/pet/findByStatus?status=sold", ""),
        ("swagger.json", "getPetById", "{petId: 1}", "GET", "/v2/pet/1", ""),
        ("swagger.json", "updatePetWithForm", "{petId: 1, name: a b}", "POST", "/v2/pet/1", "name=a+b"),
        ("swagger.json", "addPet", "{pet: {name: x}}", "POST", "/v2/pet", '{"name": "x"}'),
        ("openapi.yaml", "add", "{body: {name: ü}}", "POST", "/v3/pets", '{"name": "ü"}'),
        (
            "openapi.yaml",
            "show",
            "{id: a/b, color: [x, y], filter: {k: v}, tags: [p, q]}",
            "GET",
            "/v3/pets/a%2Fb;color=x;color=y?filter[k]=v&tags=p|q&limit=10",
            "",
        ),
    ],
)
async def test_an_operation_becomes_its_request(
    house: Any, petstore: ThirdParty, document: str, operation: str, parameters: str, method: str, path: str, body: str
) -> None:
    found = await run(house, call(petstore, document, operation, parameters), {"s": "sold"})
    assert found.status == "completed", found.error
    asked = petstore.requests[-1]
    assert (asked["method"], asked["path"], asked["body"].decode()) == (method, path, body)


async def test_headers_cookies_authentication_and_the_whole_response(house: Any, petstore: ThirdParty) -> None:
    parameters = "{id: 1, color: [x], X-Trace: t, session: s}"
    more = f", authentication: {{bearer: {{token: {TOKEN}}}}}, output: response"
    found = await run(house, call(petstore, "openapi.yaml", "show", parameters, more))
    headers = petstore.requests[-1]["headers"]
    assert (headers["X-Trace"], headers["Cookie"], headers["Authorization"]) == ("t", "session=s", f"Bearer {TOKEN}")
    assert found.output["statusCode"] == 200
    assert "cookie" not in found.output["request"]["headers"]


async def test_the_document_is_fetched_once(house: Any, petstore: ThirdParty) -> None:
    for _ in range(2):
        await run(house, call(petstore, "swagger.json", "getPetById", "{petId: 1}"))
    assert petstore.paths().count("/swagger.json") == 1


@pytest.mark.parametrize(
    ("document", "operation", "parameters", "reason"),
    [
        ("swagger.json", "nonsense", "{}", "no operation 'nonsense'"),
        ("swagger.json", "getPetById", "{}", "needs petId"),
        ("swagger.json", "getPetById", "{petId: 1, other: 2}", "no parameter other"),
        ("swagger.json", "getPetById", "{petId: [{}]}", "a text, a number"),
        ("openapi.yaml", "add", "{}", "needs body"),
        ("status/404", "add", "{}", "answered 404"),
        ("text", "add", "{}", "is UTF-8 text"),
    ],
)
async def test_what_does_not_fit_the_document_is_named(
    house: Any, petstore: ThirdParty, document: str, operation: str, parameters: str, reason: str
) -> None:
    found = await run(house, call(petstore, document, operation, parameters))
    assert found.status == "faulted"
    assert reason in found.error.detail


async def test_the_platforms_own_services_are_asked_as_services(house: Any) -> None:
    document = {"openapi": "3.1.0", "paths": {"/processing/jobs/{id}": {"get": {"operationId": "read_job"}}}}
    document["paths"]["/processing/jobs/{id}"]["parameters"] = [{"name": "id", "in": "path", "required": True}]  # type: ignore[index]
    house.services.made = {"/processing/openapi.json": document, "/processing/jobs/a%2Fb": {"status": "done"}}
    body = "do: [{ask: {call: openapi, with: {document: {endpoint: 'platform://processing/openapi.json'},"
    found = await run(house, body + " operationId: read_job, parameters: {id: a/b}}}}]")
    assert found.output == {"status": "done"}, found.error
    found = await run(house, body.replace("processing", "identity") + " operationId: x}}}]")
    assert found.error.title == "Not a service"
