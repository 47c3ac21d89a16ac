"""The merged document tells of headers on the answers that carry them, and on no other."""

from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from chassis.http.openapi import describe_problems
from chassis.manifest import read_manifests
from chassis.settings import ROOT
from functions.audit import api as audit
from functions.gateway import api as gateway
from functions.gateway.api_keys.api import api_keys
from functions.gateway.limits_api import limits
from functions.gateway.openapi import METHODS, merge
from functions.identity import api as identity
from functions.identity.directory import api as directory
from functions.identity.directory import tenants
from functions.identity.keys import api as keys
from functions.identity.login import api as login
from functions.metadata import api as metadata
from functions.metadata import configuration_api, reference_data_api
from functions.monitoring import api as monitoring
from functions.notification import api as notification
from functions.processing import api as processing
from functions.processing.messages import api as messages
from functions.processing.streams import api as streams
from functions.reporting import api as reporting
from functions.workflow import api as workflow

ROUTERS: dict[str, tuple[APIRouter, ...]] = {
    "audit": (audit.router,),
    "gateway": (gateway.router, limits, api_keys),
    "identity": (
        *(identity.oauth, identity.published, directory.roles, directory.assignments, directory.clients),
        *(tenants.router, keys.router, login.router),
    ),
    "metadata": (metadata.router, reference_data_api.router, configuration_api.router),
    "monitoring": (monitoring.router,),
    "notification": (notification.router,),
    "processing": (processing.router, messages.router, streams.router),
    "reporting": (reporting.router,),
    "workflow": (workflow.router,),
}
TAGGED, PLACED, KEPT = {"ETag"}, {"Location"}, {"Cache-Control"}
BOTH = TAGGED | PLACED
OAUTH = dict.fromkeys(("200", "400", "401", "429"), KEPT)
SENT = {
    "get /identity/assignments/{id}": {"200": TAGGED},
    "get /identity/clients/{id}": {"200": TAGGED},
    "get /identity/.well-known/jwks.json": {"200": KEPT},
    "get /identity/login/callback": {"303": PLACED | KEPT, "400": KEPT, "404": KEPT},
    "get /identity/oauth2/authorize": {"200": KEPT, "303": PLACED | KEPT, "400": KEPT, "503": KEPT},
    "get /identity/roles/{name}": {"200": TAGGED},
    "get /metadata/configuration/{key}": {"200": TAGGED, "304": TAGGED},
    "get /metadata/configuration/{key}/versions/{version}": {"200": TAGGED, "304": TAGGED},
    "get /metadata/reference-data/{set}": {"200": TAGGED, "304": TAGGED},
    "get /metadata/reference-data/{set}/{key}": {"200": TAGGED, "304": TAGGED},
    "get /metadata/schemas/{name}/versions/{version}": {"200": TAGGED, "304": TAGGED},
    "get /reporting/reports/{id}/files/{format}": {
        "200": TAGGED | KEPT | {"Content-Disposition"},
        "304": TAGGED | KEPT,
    },
    "post /gateway/api-keys": {"200": PLACED | KEPT, "201": PLACED | KEPT},
    "post /identity/assignments": {"200": BOTH, "201": BOTH},
    "post /identity/clients": {"200": BOTH | KEPT, "201": BOTH | KEPT},
    "post /identity/clients/{id}/disable": {"200": TAGGED},
    "post /identity/clients/{id}/enable": {"200": TAGGED},
    "post /identity/clients/{id}/secret": {"200": KEPT},
    "post /identity/oauth2/introspect": OAUTH,
    "post /identity/oauth2/revoke": OAUTH,
    "post /identity/oauth2/token": OAUTH,
    "post /notification/messages": {"202": PLACED},
    "post /notification/negotiate": {"200": KEPT},
    "post /processing/datasets": {"201": PLACED},
    "post /processing/jobs": {"202": PLACED},
    "post /processing/jobs/{id}/cancel": {"202": PLACED},
    "post /processing/validations": {"202": PLACED},
    "post /reporting/reports": {"202": PLACED},
    "post /workflow/instances": {"202": PLACED},
    "post /workflow/instances/{instance_id}/cancel": {"202": PLACED},
    "post /workflow/instances/{instance_id}/resume": {"202": PLACED},
    "post /workflow/instances/{instance_id}/retry": {"202": PLACED},
    "post /workflow/instances/{instance_id}/suspend": {"202": PLACED},
    "put /identity/clients/{id}": {"200": TAGGED},
    "put /identity/roles/{name}": {"200": TAGGED, "201": BOTH},
    "put /metadata/configuration/{key}": {"200": BOTH, "201": BOTH},
    "put /metadata/reference-data/{set}": {"200": TAGGED, "201": BOTH},
    "put /metadata/reference-data/{set}/{key}": {"200": TAGGED, "201": BOTH},
    "put /metadata/schemas/{name}": {"200": BOTH, "201": BOTH},
    "put /notification/webhooks/{id}": {"200": KEPT, "201": PLACED | KEPT},
    "put /processing/streams/{name}": {"201": PLACED},
    "put /workflow/definitions": {"200": PLACED, "201": PLACED},
}
NOTHING_TO_SEE = {
    "post /processing/messages",
    "post /processing/poison/{id}/replay",
    "post /processing/streams/{name}/messages",
    "post /workflow/events",
    "put /identity/tenants/{tenant}/administrators/{type}/{id}",
}
"""Messages and events are taken in and have no page of their own; an administrator is seen in the list alone."""

OF_FAILURES = {
    "401": ("WWW-Authenticate", True),
    "403": ("WWW-Authenticate", False),
    "429": ("Retry-After", True),
    "503": ("Retry-After", False),
}
"""The header of a status, and whether all answers with it have the header."""


def document(routers: Sequence[APIRouter]) -> dict[str, Any]:
    app = FastAPI()
    describe_problems(app)
    for router in routers:
        app.include_router(router)
    return app.openapi()


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """The answers of every operation that the edge routes, by status."""
    documents = {service: document(routers) for service, routers in ROUTERS.items()}
    manifests = list(read_manifests(ROOT / "functions").values())
    merged = merge(documents, manifests, edge_url="http://edge.test", version="1")
    return {
        f"{method} {path}": {status: resolved(answer, merged) for status, answer in item[method]["responses"].items()}
        for path, item in merged["paths"].items()
        for method in METHODS
        if method in item
    }


def resolved(answer: dict[str, Any], merged: dict[str, Any]) -> Any:
    reference = answer.get("$ref")
    return answer if reference is None else merged["components"]["responses"][reference.rpartition("/")[2]]


def test_headers_are_told_where_they_are_sent_and_nowhere_else(operations: dict[str, Any]) -> None:
    told = {
        operation: {
            status: set(answer["headers"]) - {OF_FAILURES.get(status, ("",))[0]}
            for status, answer in answers.items()
            if "headers" in answer
        }
        for operation, answers in operations.items()
    }
    found = {operation: {status: names for status, names in each.items() if names} for operation, each in told.items()}
    assert {operation: each for operation, each in found.items() if each} == SENT


@pytest.mark.parametrize("status", OF_FAILURES)
def test_failures_that_any_operation_has_are_told_with_their_header(operations: dict[str, Any], status: str) -> None:
    header, always = OF_FAILURES[status]
    manifests = read_manifests(ROOT / "functions").values()
    public = {route.path for manifest in manifests for route in manifest.routes if route.public}
    for operation, answers in operations.items():
        if status in ("401", "403") and operation.partition(" ")[2] in public and status not in answers:
            continue
        assert answers[status]["headers"][header]["required"] is always, operation


def test_what_is_made_or_begun_says_where_it_lies(operations: dict[str, Any]) -> None:
    made = {operation for operation, answers in operations.items() if {"201", "202"} & answers.keys()}
    placed = {
        operation
        for operation, answers in operations.items()
        if any("Location" in answers.get(status, {}).get("headers", {}) for status in ("201", "202"))
    }
    assert made - placed == NOTHING_TO_SEE


def test_no_answer_is_told_by_its_headers_alone(operations: dict[str, Any]) -> None:
    assert len(operations) > 100
    assert all("description" in answer for answers in operations.values() for answer in answers.values())
