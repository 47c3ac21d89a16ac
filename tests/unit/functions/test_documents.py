"""What a route reads by itself, FastAPI can't see: the document is told of it, with an example where it has a form."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from chassis.models import Contract
from functions.gateway.api_keys.models import NewApiKey
from functions.identity import api as identity
from functions.identity.directory.models import AssignmentOrder, ClientOrder, RoleChange
from functions.identity.login import api as login
from functions.metadata import api as metadata
from functions.metadata.schemas import ReferenceSetBody, ValueBody
from functions.monitoring import api as monitoring
from functions.notification.schemas import SendMessage, WebhookRequest
from functions.processing.messages import api as messages
from functions.processing.schemas import DatasetRequest, JobRequest, ValidationRequest
from functions.processing.streams import api as streams
from functions.processing.streams.definition import StreamRequest
from functions.reporting.schemas import ReportRequest
from functions.workflow import api as workflow
from functions.workflow.schemas import StartRequest

JSON, NDJSON = "application/json", "application/x-ndjson"


def operation(router: APIRouter, method: str, path: str) -> dict[str, Any]:
    app = FastAPI()
    app.include_router(router)
    found: dict[str, Any] = app.openapi()["paths"][path][method]
    return found


@pytest.mark.parametrize(
    ("router", "method", "path", "media_types"),
    [
        (metadata.router, "put", "/metadata/schemas/{name}", {JSON}),
        (metadata.router, "post", "/metadata/schemas/{name}/versions/{version}/validate", {JSON}),
        (workflow.router, "put", "/workflow/definitions", {"application/yaml", JSON}),
        (workflow.router, "post", "/workflow/events", {"application/cloudevents+json"}),
        (messages.router, "post", "/processing/messages", {JSON, NDJSON}),
        (streams.router, "post", "/processing/streams/{name}/messages", {JSON, NDJSON}),
    ],
)
def test_a_body_is_told_with_an_example(router: APIRouter, method: str, path: str, media_types: set[str]) -> None:
    content = operation(router, method, path)["requestBody"]["content"]
    assert content.keys() == media_types
    assert all("example" in told for media_type, told in content.items() if media_type != NDJSON)


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
def test_telemetry_is_told_to_come_in_both_encodings(signal: str) -> None:
    content = operation(monitoring.router, "post", f"/monitoring/otlp/v1/{signal}")["requestBody"]["content"]
    assert content.keys() == {JSON, "application/x-protobuf"}


def test_the_authorization_request_is_told() -> None:
    told = {
        parameter["name"] for parameter in operation(login.router, "get", "/identity/oauth2/authorize")["parameters"]
    }
    assert {"response_type", "client_id", "redirect_uri", "code_challenge"} <= told


def test_the_answer_to_a_revocation_is_told_to_have_no_body() -> None:
    responses = operation(identity.oauth, "post", "/identity/oauth2/revoke")["responses"]
    assert "content" not in responses["200"]
    assert responses["400"]["content"].keys() == {JSON}


@pytest.mark.parametrize("path", ["/metadata/schemas/{name}/versions/{version}"])
def test_a_reader_that_minds_if_none_match_is_told_of_304(path: str) -> None:
    assert "304" in operation(metadata.router, "get", path)["responses"]


@pytest.mark.parametrize(
    "contract",
    [
        *(
            NewApiKey,
            AssignmentOrder,
            ClientOrder,
            RoleChange,
            ReferenceSetBody,
            ValueBody,
            SendMessage,
            WebhookRequest,
        ),
        *(DatasetRequest, JobRequest, ValidationRequest, ReportRequest, StartRequest, StreamRequest),
    ],
)
def test_the_example_of_a_contract_is_one(contract: type[Contract]) -> None:
    (told,) = contract.model_json_schema()["examples"]
    assert contract.model_validate(told)
