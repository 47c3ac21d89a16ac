"""The HTTP API of datasets, validations and jobs."""

import asyncio
from typing import Annotated

import azure.durable_functions as df
from fastapi import APIRouter, Path, Query, Response

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.headers import LOCATION
from chassis.http.idempotency import IdempotencyKey
from chassis.http.openapi import gives, sends
from chassis.http.trigger import durable_client
from durable.jobs.models import Order
from functions.processing import composition, results
from functions.processing.orchestration import Orchestrations
from functions.processing.schemas import (
    Accepted,
    Blocks,
    CreatedDataset,
    Dataset,
    DatasetRequest,
    Id,
    JobPlan,
    JobRequest,
    ResultFormat,
    ValidationRequest,
    Work,
)

router = APIRouter(prefix="/processing", tags=["processing"])
READ, WRITE = "processing.read", "processing.write"
PathId = Annotated[Id, Path()]
RECORDS = gives(*results.MEDIA_TYPES.values())


@router.post("/datasets", status_code=201, openapi_extra=sends(LOCATION, 201))
async def create_dataset(
    request: DatasetRequest, response: Response, key: IdempotencyKey = None, caller: Principal = requires(WRITE)
) -> CreatedDataset:
    """A new dataset; PUT its bytes to `uploadUrl` with the header `x-ms-blob-type: BlockBlob`."""
    created = await composition.datasets().create(caller, request, key)
    response.headers["Location"] = f"/processing/datasets/{created.id}"
    return created


@router.get("/datasets/{id}")
async def get_dataset(id: PathId, caller: Principal = requires(READ)) -> Dataset:
    """One dataset."""
    return await composition.datasets().describe(caller.tenant, id)


@router.get("/datasets/{id}/blocks")
async def get_blocks(id: PathId, caller: Principal = requires(READ)) -> Blocks:
    """The blocks of a broken-off upload: what need not be sent again."""
    return await composition.datasets().blocks(caller.tenant, id)


@router.post("/datasets/{id}/upload-url")
async def renew_upload_url(id: PathId, caller: Principal = requires(WRITE)) -> CreatedDataset:
    """A fresh address for the bytes of a dataset that has none yet."""
    return await composition.datasets().renew_upload(caller.tenant, id)


@router.post("/validations", status_code=202, openapi_extra=sends(LOCATION, 202))
async def create_validation(
    request: ValidationRequest, response: Response, key: IdempotencyKey = None, caller: Principal = requires(WRITE)
) -> Accepted:
    """Check a dataset against a schema; its end is announced as processing.validation.completed or .failed."""
    id = await composition.jobs().validate(caller, request, key, _start)
    response.headers["Location"] = f"/processing/validations/{id}"
    return Accepted(id=id)


@router.get("/validations/{id}")
async def get_validation(id: PathId, caller: Principal = requires(READ)) -> Work:
    """One validation: status, progress, and at its end the result or the error."""
    return await composition.jobs().describe("validation", caller.tenant, id)


@router.get("/validations/{id}/quarantine", response_class=Response, responses=RECORDS)
async def get_quarantine(
    id: PathId,
    wanted: Annotated[ResultFormat, Query(alias="format")] = "json",
    caller: Principal = requires(READ),
) -> Response:
    """Every invalid record of a completed validation: row, field, reason and the record as it was written."""
    parquet = await composition.jobs().quarantine("validation", caller.tenant, id)
    body = await asyncio.to_thread(results.render, parquet, wanted)
    return Response(body, media_type=results.MEDIA_TYPES[wanted])


@router.delete("/validations/{id}", status_code=204)
async def discard_validation(id: PathId, caller: Principal = requires(WRITE)) -> None:
    """Discard a validation with the records that it set apart; one that runs is stopped."""
    await composition.jobs().discard("validation", caller.tenant, id)


@router.post("/jobs", status_code=202, openapi_extra=sends(LOCATION, 202))
async def create_job(
    request: JobRequest, response: Response, key: IdempotencyKey = None, caller: Principal = requires(WRITE)
) -> Accepted:
    """Run one SELECT over `input`; its end is announced as processing.job.completed or .failed."""
    id = await composition.jobs().run(caller, request, key, _start)
    response.headers["Location"] = f"/processing/jobs/{id}"
    return Accepted(id=id)


@router.get("/jobs/{id}")
async def get_job(id: PathId, caller: Principal = requires(READ)) -> Work:
    """One job: status, progress, how its query runs, and at its end the result's shape or the error."""
    return await composition.jobs().describe("job", caller.tenant, id)


@router.get("/jobs/{id}/result", response_class=Response, responses=RECORDS)
async def get_result(
    id: PathId,
    wanted: Annotated[ResultFormat, Query(alias="format")] = "json",
    caller: Principal = requires(READ),
) -> Response:
    """The result of a completed job."""
    parquet = await composition.jobs().result(caller.tenant, id)
    body = await asyncio.to_thread(results.render, parquet, wanted)
    return Response(body, media_type=results.MEDIA_TYPES[wanted])


@router.get("/jobs/{id}/quarantine", response_class=Response, responses=RECORDS)
async def get_job_quarantine(
    id: PathId,
    wanted: Annotated[ResultFormat, Query(alias="format")] = "json",
    caller: Principal = requires(READ),
) -> Response:
    """Every invalid record of a completed job that checked its records."""
    parquet = await composition.jobs().quarantine("job", caller.tenant, id)
    body = await asyncio.to_thread(results.render, parquet, wanted)
    return Response(body, media_type=results.MEDIA_TYPES[wanted])


@router.get("/jobs/{id}/plan")
async def get_plan(id: PathId, caller: Principal = requires(READ)) -> JobPlan:
    """How a job's query is carried out: in parts, by key, or on one node and why."""
    return await composition.jobs().plan(caller.tenant, id)


@router.post("/jobs/{id}/cancel", status_code=202, openapi_extra=sends(LOCATION, 202))
async def cancel_job(id: PathId, response: Response, caller: Principal = requires(WRITE)) -> Accepted:
    """Cancel a job that runs; nothing that it made is kept."""
    await composition.jobs().cancel(caller.tenant, id)
    response.headers["Location"] = f"/processing/jobs/{id}"
    return Accepted(id=id)


@router.delete("/jobs/{id}", status_code=204)
async def discard_job(id: PathId, caller: Principal = requires(WRITE)) -> None:
    """Discard a job with its result; one that runs is stopped."""
    await composition.jobs().discard("job", caller.tenant, id)


async def _start(order: Order) -> None:
    client = durable_client()
    assert isinstance(client, df.DurableOrchestrationClient)  # noqa: S101 - the trigger's binding gives no other
    await Orchestrations(client).start(order)
