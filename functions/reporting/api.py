"""The HTTP API of the reporting service."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.headers import CACHE_CONTROL, CONTENT_DISPOSITION, ETAG, LOCATION
from chassis.http.idempotency import IdempotencyKey
from chassis.http.openapi import UNCHANGED, gives, sends
from chassis.http.preconditions import IfNoneMatch, is_unchanged
from chassis.runtime import Runtime
from functions.reporting import service
from functions.reporting.schemas import CONTENT_TYPES, Format, ReportAccepted, ReportRequest, ReportView

router = APIRouter(prefix="/reporting/reports", tags=["reports"])
ReportId = Annotated[str, Path(alias="id", max_length=100)]


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


@router.post("", status_code=202, openapi_extra=sends(LOCATION, 202))
async def accept_report(
    body: ReportRequest,
    request: Request,
    response: Response,
    key: IdempotencyKey = None,
    caller: Principal = requires("reporting.write"),
) -> ReportAccepted:
    """Ask for a report of a completed job's result."""
    accepted = await service.accept(_runtime(request), caller, body, key)
    response.headers["Location"] = f"/reporting/reports/{accepted.id}"
    return accepted


@router.get("/{id}")
async def show_report(id: ReportId, request: Request, caller: Principal = requires("reporting.read")) -> ReportView:
    """The state of a report and, when completed, its files."""
    return await service.show(_runtime(request), caller, id)


@router.get(
    "/{id}/files/{format}",
    response_class=Response,
    responses=gives(*CONTENT_TYPES.values(), headers=CONTENT_DISPOSITION) | UNCHANGED,
    openapi_extra=sends(CACHE_CONTROL | ETAG, 200, 304),
)
async def read_file(
    id: ReportId,
    format: Format,
    request: Request,
    if_none_match: IfNoneMatch,
    caller: Principal = requires("reporting.read"),
) -> Response:
    """The bytes of one file."""
    file = await service.read_file(_runtime(request), caller, id, format)
    headers = {"ETag": f'"{file.sha256}"', "Cache-Control": "private, no-cache"}
    if is_unchanged(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    headers |= {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(file.content, media_type=CONTENT_TYPES[format], headers=headers)


@router.delete("/{id}", status_code=204)
async def discard_report(id: ReportId, request: Request, caller: Principal = requires("reporting.write")) -> None:
    """Take a report's files away; it stays known as discarded. May be repeated."""
    await service.discard(_runtime(request), caller, id)
