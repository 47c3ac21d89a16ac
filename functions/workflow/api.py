"""The workflow service's HTTP API."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.headers import LOCATION
from chassis.http.idempotency import IdempotencyKey
from chassis.http.openapi import also, sends, takes
from chassis.http.trigger import durable_client
from chassis.models import Moment
from durable.workflow.diagram import diagram
from durable.workflow.dsl.definition import parse_frozen
from durable.workflow.models import InstanceStatus
from functions.workflow import catalog_api, composition, events_api, secrets_api
from functions.workflow.paging import DefinitionFilter, InstanceFilter
from functions.workflow.schemas import (
    NAME,
    DefinitionHead,
    DefinitionId,
    DefinitionPage,
    DefinitionRead,
    Deprecation,
    InstanceHead,
    InstancePage,
    InstanceRead,
    StartRequest,
)
from functions.workflow.service import DurableClient

DEFINITION_BODY = takes(
    "application/yaml",
    "application/json",
    schema={"type": "object", "required": ["document", "do"]},
    example={
        "document": {"dsl": "1.0.3", "namespace": "examples", "name": "hello", "version": "1.0.0"},
        "do": [{"greet": {"set": {"text": '${ "Hello \\(.name)" }'}}}],
    },
)
router = APIRouter(prefix="/workflow")
router.include_router(catalog_api.router)
router.include_router(events_api.router)
router.include_router(secrets_api.router)
READ, WRITE = "workflow.read", "workflow.write"
ACCEPTED = sends(LOCATION, 202)

Name = Annotated[str, Path(pattern=NAME)]
Version = Annotated[str, Path(max_length=128, pattern=r"^[0-9A-Za-z.+\-]+$")]
InstanceId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
After = Annotated[str | None, Query(max_length=300)]
Limit = Annotated[int, Query(ge=1, le=500)]
NameFilter = Annotated[str | None, Query(pattern=NAME)]
VersionFilter = Annotated[str | None, Query(max_length=128)]


class Mermaid(PlainTextResponse):
    """Mermaid text."""

    media_type = "text/vnd.mermaid"


def instance_filter(
    status: InstanceStatus | None = None,
    namespace: NameFilter = None,
    name: NameFilter = None,
    version: VersionFilter = None,
    correlation_id: Annotated[str | None, Query(alias="correlationId", max_length=200)] = None,
    created_after: Annotated[Moment | None, Query(alias="createdAfter")] = None,
    created_before: Annotated[Moment | None, Query(alias="createdBefore")] = None,
) -> InstanceFilter:
    """The filters of a list of instances, each a query parameter."""
    return InstanceFilter(
        status=status,
        namespace=namespace,
        name=name,
        version=version,
        correlation_id=correlation_id,
        created_after=created_after,
        created_before=created_before,
    )


@router.put(
    "/definitions",
    responses=also(201, DefinitionId),
    openapi_extra=DEFINITION_BODY | sends(LOCATION, 200, 201),
)
async def put_definition(request: Request, response: Response, caller: Principal = requires(WRITE)) -> DefinitionId:
    """Register a definition, YAML or JSON: 201 when it is new, 200 when the same was there, 409 for another."""
    id, is_new = await composition.definitions().put(caller.tenant, await request.body())
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/workflow/definitions/{id.namespace}/{id.name}/{id.version}"
    return id


@router.get("/definitions")
async def list_definitions(
    namespace: NameFilter = None,
    name: NameFilter = None,
    deprecated: bool | None = None,
    after: After = None,
    limit: Limit = 100,
    caller: Principal = requires(READ),
) -> DefinitionPage:
    """The tenant's definitions that fit the filters."""
    wanted = DefinitionFilter(namespace=namespace, name=name, deprecated=deprecated)
    return await composition.definitions().page(caller.tenant, wanted, after, limit)


@router.get("/definitions/{namespace}/{name}/{version}")
async def read_definition(
    namespace: Name, name: Name, version: Version, caller: Principal = requires(READ)
) -> DefinitionRead:
    """One definition with its document."""
    id = DefinitionId(namespace=namespace, name=name, version=version)
    found = await composition.definitions().read(caller.tenant, id)
    schedule = await composition.schedules().read(caller.tenant, namespace, name, version)
    return found.model_copy(update={"schedule": schedule})


@router.put("/definitions/{namespace}/{name}/{version}/deprecation")
async def deprecate_definition(
    namespace: Name, name: Name, version: Version, wanted: Deprecation, caller: Principal = requires(WRITE)
) -> DefinitionHead:
    """Deprecate a version, so that it is no longer chosen by itself, or take that back."""
    id = DefinitionId(namespace=namespace, name=name, version=version)
    return await composition.definitions().deprecate(caller.tenant, id, deprecated=wanted.deprecated)


@router.get("/definitions/{namespace}/{name}/{version}/diagram", response_class=Mermaid)
async def draw_definition(namespace: Name, name: Name, version: Version, caller: Principal = requires(READ)) -> Mermaid:
    """A definition as a Mermaid flowchart."""
    definition = await composition.definitions().frozen(caller.tenant, namespace, name, version)
    return Mermaid(diagram(parse_frozen(definition.document)[0]))


@router.post("/instances", status_code=202, openapi_extra=ACCEPTED)
async def start_instance(
    request: StartRequest, response: Response, key: IdempotencyKey = None, caller: Principal = requires(WRITE)
) -> InstanceHead:
    """Start an instance; it is accepted once this answers, and runs on its own."""
    return _accepted(await composition.instances().start(caller, request, key, _client()), response)


@router.get("/instances")
async def list_instances(
    wanted: Annotated[InstanceFilter, Depends(instance_filter)],
    after: After = None,
    limit: Limit = 100,
    caller: Principal = requires(READ),
) -> InstancePage:
    """The tenant's instances that fit the filters."""
    return await composition.instances().page(caller.tenant, wanted, after, limit)


@router.get("/instances/{instance_id}")
async def read_instance(instance_id: InstanceId, caller: Principal = requires(READ)) -> InstanceRead:
    """One instance with its tasks."""
    return await composition.instances().read(caller.tenant, instance_id)


@router.get("/instances/{instance_id}/diagram", response_class=Mermaid)
async def draw_instance(instance_id: InstanceId, caller: Principal = requires(READ)) -> Mermaid:
    """An instance's definition as a Mermaid flowchart, each task in the colour of its state."""
    found = await composition.instances().read(caller.tenant, instance_id)
    definition = await composition.definitions().frozen(caller.tenant, found.namespace, found.name, found.version)
    return Mermaid(diagram(parse_frozen(definition.document)[0], found.tasks))


@router.post("/instances/{instance_id}/suspend", status_code=202, openapi_extra=ACCEPTED)
async def suspend_instance(
    instance_id: InstanceId, response: Response, caller: Principal = requires(WRITE)
) -> InstanceHead:
    """Hold an instance where it is."""
    return _accepted(await composition.instances().suspend(caller.tenant, instance_id, _client()), response)


@router.post("/instances/{instance_id}/resume", status_code=202, openapi_extra=ACCEPTED)
async def resume_instance(
    instance_id: InstanceId, response: Response, caller: Principal = requires(WRITE)
) -> InstanceHead:
    """Let a suspended instance go on."""
    return _accepted(await composition.instances().resume(caller.tenant, instance_id, _client()), response)


@router.post("/instances/{instance_id}/cancel", status_code=202, openapi_extra=ACCEPTED)
async def cancel_instance(
    instance_id: InstanceId, response: Response, caller: Principal = requires(WRITE)
) -> InstanceHead:
    """Stop an instance and undo what its tasks made."""
    return _accepted(await composition.instances().cancel(caller.tenant, instance_id, _client()), response)


@router.post("/instances/{instance_id}/retry", status_code=202, openapi_extra=ACCEPTED)
async def retry_instance(
    instance_id: InstanceId, response: Response, caller: Principal = requires(WRITE)
) -> InstanceHead:
    """Let a faulted instance go on from the task that failed."""
    return _accepted(await composition.instances().retry(caller.tenant, instance_id, _client()), response)


def _accepted(instance: InstanceHead, response: Response) -> InstanceHead:
    response.headers["Location"] = f"/workflow/instances/{instance.id}"
    return instance


def _client() -> DurableClient:
    return cast(DurableClient, durable_client())
