"""What somebody writes who has generated a client from the merged document: `EDGE TOKEN_FILE`; asserts what comes back.

Run by `test_openapi.py` beside the generated package, which is in no checkout.
"""

import sys
from pathlib import Path

from generated import AuthenticatedClient
from generated.api.audit import audit_list_events
from generated.api.gateway import gateway_create_api_key, gateway_list_routes, gateway_revoke_api_key
from generated.api.metadata import metadata_get_item, metadata_put_item
from generated.api.processing import processing_create_dataset, processing_get_dataset
from generated.models import DatasetRequest, MetadataProblem, NewApiKey, ValueBody


def routes(client: AuthenticatedClient) -> None:
    found = gateway_list_routes.sync(client=client)
    assert len(found.items) > 100
    assert found.refused == []


def changes_with_conditions(client: AuthenticatedClient) -> None:
    path = ("generated", "one")
    written = metadata_put_item.sync_detailed(*path, client=client, body=ValueBody(value={"x": 1}))
    assert written.parsed.value == {"x": 1}
    etag = written.headers["etag"]
    assert metadata_get_item.sync_detailed(*path, client=client, if_none_match=etag).status_code == 304
    again = metadata_put_item.sync_detailed(*path, client=client, body=ValueBody(value=2), if_match='"other"')
    assert again.status_code == 412
    assert isinstance(again.parsed, MetadataProblem)
    assert again.parsed.trace_id


def a_thing_that_is_made_once(client: AuthenticatedClient) -> None:
    first, second = [
        processing_create_dataset.sync_detailed(client=client, body=DatasetRequest(name="one"), idempotency_key="once")
        for _ in range(2)
    ]
    assert first.parsed.id == second.parsed.id
    assert processing_get_dataset.sync(first.parsed.id, client=client).id == first.parsed.id


def an_api_key(client: AuthenticatedClient, edge: str) -> None:
    made = gateway_create_api_key.sync_detailed(client=client, body=NewApiKey(name="mine", scopes=["audit.read"]))
    assert made.status_code == 201
    key = made.parsed
    assert made.headers["location"] == f"/gateway/api-keys/{key.id}"
    by_key = AuthenticatedClient(base_url=edge, token=key.key, auth_header_name="x-api-key", prefix="")
    assert audit_list_events.sync_detailed(client=by_key).status_code == 200
    assert gateway_revoke_api_key.sync_detailed(key.id, client=client).status_code == 204


def main() -> None:
    edge, token = sys.argv[1], Path(sys.argv[2]).read_text()
    client = AuthenticatedClient(base_url=edge, token=token)
    routes(client)
    changes_with_conditions(client)
    a_thing_that_is_made_once(client)
    an_api_key(client, edge)
    print("all done")


if __name__ == "__main__":
    main()
