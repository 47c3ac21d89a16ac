from typing import Any

from functions.gateway.openapi import merge
from tests.unit.functions.gateway.envoy.parts import manifest, route

REFERENCE = {"$ref": "#/components/schemas/Thing"}


def document(path: str = "/metadata/things/{id}", **methods: Any) -> dict[str, Any]:
    operation = {"operationId": "read", "responses": {"200": {"schema": REFERENCE}}}
    return {
        "paths": {path: methods or {"get": operation}},
        "components": {"schemas": {"Thing": {"properties": {"next": REFERENCE}}}},
    }


def merged(*manifests: Any, **documents: Any) -> dict[str, Any]:
    return merge(documents, manifests, edge_url="http://edge.test", version="1")


METADATA = manifest("metadata", route("/metadata/things/{name}"))
AUDIT = manifest("audit", route("/audit/things/{name}", scope="audit.read"))


def test_names_of_two_services_never_meet_and_references_follow() -> None:
    found = merged(METADATA, AUDIT, metadata=document(), audit=document("/audit/things/{id}"))
    assert list(found["components"]["schemas"]) == ["audit.Thing", "metadata.Thing"]
    thing = found["components"]["schemas"]["audit.Thing"]
    assert thing["properties"]["next"] == {"$ref": "#/components/schemas/audit.Thing"}
    operations = [item["get"] for item in found["paths"].values()]
    assert [one["operationId"] for one in operations] == ["audit_read", "metadata_read"]
    assert operations[0]["responses"]["200"]["schema"] == {"$ref": "#/components/schemas/audit.Thing"}


def test_answers_that_services_share_are_merged_as_schemas_are() -> None:
    own = {
        "paths": {"/metadata/things/{id}": {"get": {"responses": {"429": {"$ref": "#/components/responses/Busy"}}}}},
        "components": {"responses": {"Busy": {"content": {"text/plain": {"schema": REFERENCE}}}}},
    }
    found = merged(METADATA, metadata=own)
    (item,) = found["paths"].values()
    assert item["get"]["responses"]["429"] == {"$ref": "#/components/responses/metadata.Busy"}
    busy = found["components"]["responses"]["metadata.Busy"]
    assert busy["content"]["text/plain"]["schema"] == {"$ref": "#/components/schemas/metadata.Thing"}


def test_only_what_the_edge_routes_is_in_it_with_the_scope_that_the_edge_asks_for() -> None:
    open_route = route("/metadata/open", public=True)
    own = {
        "paths": {
            "/metadata/things/{id}": {"get": {"security": []}, "delete": {}, "parameters": []},
            "/metadata/metrics": {"get": {}},
            "/metadata/open": {"get": {"security": [{"x": []}]}},
        }
    }
    paths = merged(manifest("metadata", route("/metadata/things/{name}"), open_route), metadata=own)["paths"]
    assert paths.keys() == {"/metadata/things/{id}", "/metadata/open"}
    assert paths["/metadata/things/{id}"].keys() == {"get", "parameters"}
    assert paths["/metadata/things/{id}"]["get"]["security"] == [{"platform": ["metadata.read"]}, {"apiKey": []}]
    assert paths["/metadata/open"]["get"]["security"] == []


def test_a_service_without_a_document_is_named_and_its_scopes_stay_known() -> None:
    found = merged(METADATA, AUDIT, metadata=document())
    assert found["x-unavailable"] == ["audit"]
    flow = found["components"]["securitySchemes"]["platform"]["flows"]["clientCredentials"]
    assert list(flow["scopes"]) == ["audit.read", "metadata.read"]


def test_the_merged_documents_are_not_changed() -> None:
    own = document()
    merged(METADATA, metadata=own)
    assert own == document()


def test_of_two_routes_of_one_shape_an_operation_has_the_scope_of_the_one_that_the_edge_tries_first() -> None:
    one, all_below = route("/metadata/things/{name}"), route("/metadata/things/{*rest}", scope="metadata.admin")
    for routes in ((one, all_below), (all_below, one)):
        paths = merged(manifest("metadata", *routes), metadata=document())["paths"]
        assert paths["/metadata/things/{id}"]["get"]["security"][0] == {"platform": ["metadata.read"]}
