"""The workflow service's HTTP API."""

from typing import Annotated, cast

from fastapi import APIRouter, Path, Query, Request, Response

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.idempotency import IdempotencyKey
from chassis.http.trigger import durable_client
from functions.workflow import catalog_api, composition, secrets_api
from functions.workflow.schemas import (
    NAME,
    DefinitionId,
    DefinitionPage,
    DefinitionRead,
    InstanceHead,
    InstancePage,
    InstanceRead,
    StartRequest,
)
from functions.workflow.service import DurableClient

router = APIRouter(prefix="/workflow")
router.include_router(catalog_api.router)
router.include_router(secrets_api.router)
READ, WRITE = "workflow.read", "workflow.write"

Name = Annotated[str, Path(pattern=NAME)]
Version = Annotated[str, Path(max_length=128, pattern=r"^[0-9A-Za-z.+\-]+$")]
InstanceId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
After = Annotated[str | None, Query(max_length=300)]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.put("/definitions")
async def put_definition(request: Request, response: Response, caller: Principal = requires(WRITE)) -> DefinitionId:
    """Register a definition, YAML or JSON: 201 when it is new, 200 when the same was there, 409 for another."""
    id, is_new = await composition.definitions().put(caller.tenant, await request.body())
    response.status_code = 201 if is_new else 200
    return id


@router.get("/definitions")
async def list_definitions(
    after: After = None, limit: Limit = 100, caller: Principal = requires(READ)
) -> DefinitionPage:
    """The tenant's definitions."""
    return await composition.definitions().page(caller.tenant, after, limit)


@router.get("/definitions/{namespace}/{name}/{version}")
async def read_definition(
    namespace: Name, name: Name, version: Version, caller: Principal = requires(READ)
) -> DefinitionRead:
    """One definition with its document."""
    id = DefinitionId(namespace=namespace, name=name, version=version)
    return await composition.definitions().read(caller.tenant, id)


@router.post("/instances", status_code=202)
async def start_instance(
    request: StartRequest, key: IdempotencyKey = None, caller: Principal = requires(WRITE)
) -> InstanceHead:
    """Start an instance; it is accepted once this answers, and runs on its own."""
    return await composition.instances().start(caller, request, key, _client())


@router.get("/instances")
async def list_instances(after: After = None, limit: Limit = 100, caller: Principal = requires(READ)) -> InstancePage:
    """The tenant's instances."""
    return await composition.instances().page(caller.tenant, after, limit)


@router.get("/instances/{instance_id}")
async def read_instance(instance_id: InstanceId, caller: Principal = requires(READ)) -> InstanceRead:
    """One instance with its tasks."""
    return await composition.instances().read(caller.tenant, instance_id)


@router.post("/instances/{instance_id}/suspend", status_code=202)
async def suspend_instance(instance_id: InstanceId, caller: Principal = requires(WRITE)) -> InstanceHead:
    """Hold an instance where it is."""
    return await composition.instances().suspend(caller.tenant, instance_id, _client())


@router.post("/instances/{instance_id}/resume", status_code=202)
async def resume_instance(instance_id: InstanceId, caller: Principal = requires(WRITE)) -> InstanceHead:
    """Let a suspended instance go on."""
    return await composition.instances().resume(caller.tenant, instance_id, _client())


@router.post("/instances/{instance_id}/cancel", status_code=202)
async def cancel_instance(instance_id: InstanceId, caller: Principal = requires(WRITE)) -> InstanceHead:
    """Stop an instance and undo what its tasks made."""
    return await composition.instances().cancel(caller.tenant, instance_id, _client())


def _client() -> DurableClient:
    return cast(DurableClient, durable_client())
