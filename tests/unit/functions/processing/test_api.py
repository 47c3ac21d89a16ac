"""What the edge is told of the API is what the API has."""

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from chassis.manifest import read_manifest
from chassis.messaging.envelope import CLAIMS
from chassis.messaging.partitions import PARTITIONS, queue_of
from chassis.settings import ROOT
from functions.processing import messaging
from functions.processing.api import router
from functions.processing.composition import CHUNK_QUEUES, CHUNKS, DATASETS, WORK
from functions.processing.messages import api as messages_api
from functions.processing.messages.handling import CONTAINER as HANDLER_STATES
from functions.processing.messages.node import LEASES
from functions.processing.results import MEDIA_TYPES
from functions.processing.streams import api as streams_api
from functions.processing.streams.opening import LATE, STATES

MANIFEST = read_manifest(ROOT / "functions" / "processing" / "service.yaml")


def test_every_route_of_the_api_is_declared_and_no_other() -> None:
    served = {
        (method, route.path)
        for served in (router, messages_api.router, streams_api.router)
        for route in served.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    declared = {(method, route.path) for route in MANIFEST.routes if not route.public for method in route.methods}
    assert declared == served


def test_reading_needs_the_read_scope_and_changing_the_write_scope() -> None:
    for route in MANIFEST.routes:
        if not route.public:
            assert route.scope == ("processing.read" if route.methods == ("GET",) else "processing.write")


def test_a_post_is_not_called_idempotent_as_it_is_so_with_a_key_only() -> None:
    assert not any(route.idempotent for route in MANIFEST.routes if "POST" in route.methods)


@pytest.mark.parametrize("path", ["/jobs/{id}/result", "/jobs/{id}/quarantine", "/validations/{id}/quarantine"])
def test_the_document_names_every_format_of_records(path: str) -> None:
    app = FastAPI()
    app.include_router(router)
    told = app.openapi()["paths"][f"/processing{path}"]["get"]["responses"]["200"]["content"]
    assert told.keys() == {kind.partition(";")[0] for kind in MEDIA_TYPES.values()}


def test_queues_and_tables_are_declared() -> None:
    assert {queue.name for queue in MANIFEST.queues} == set(CHUNK_QUEUES)
    assert [queue.queues for queue in MANIFEST.partitioned_queues] == [tuple(map(queue_of, range(PARTITIONS)))]
    assert set(MANIFEST.tables) == {DATASETS, WORK, CHUNKS, messaging.POISON, messaging.STREAMS, messaging.WINDOWS}
    assert {CLAIMS, LEASES, HANDLER_STATES, STATES, LATE} <= set(MANIFEST.containers)
