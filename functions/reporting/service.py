"""What the API does: accept, show, hand out and discard reports."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.context import Principal
from chassis.http.idempotency import check_same_request, fingerprint, resource_id
from chassis.messaging.events import Event
from chassis.runtime import Runtime
from chassis.storage.rows import RowChanged, RowExists
from functions.reporting.errors import FileNotFound, ReportNotFound
from functions.reporting.repository import Report, Reports
from functions.reporting.schemas import (
    Format,
    RenderReport,
    ReportAccepted,
    ReportFile,
    ReportRequest,
    ReportView,
)

QUEUE, RENDER = "reporting-commands", "reporting.render"


@dataclass(frozen=True)
class FileContent:
    """A file to hand out; `sha256` is hexadecimal."""

    content: bytes
    sha256: str
    name: str


async def accept(runtime: Runtime, caller: Principal, request: ReportRequest, key: str | None) -> ReportAccepted:
    """Accept a report; it is safe once this returns.

    The command goes first and holds the whole request, the row second: after a crash between them the command alone
    makes the row and the report. With the same key it may be repeated; raises KeyReused for another request.
    """
    id = resource_id(caller.tenant, "reporting.reports", key)
    reports = Reports(runtime)
    command = RenderReport(id=id, fingerprint=_fingerprint(request), requested_at=datetime.now(UTC), request=request)
    known = await reports.get(caller.tenant, id)
    if known is None:
        await runtime.queues.send(QUEUE, RENDER, command, id=id)
        known = await ensure(reports, caller.tenant, caller.subject, command)
    check_same_request(known.fingerprint, command.fingerprint)
    return ReportAccepted(id=id, status=known.status)


async def ensure(reports: Reports, tenant: str, subject: str, command: RenderReport) -> Report:
    """The report of a command, stored now unless it was before."""
    report = Report(
        tenant=tenant,
        id=command.id,
        status="pending",
        request=command.request,
        fingerprint=command.fingerprint,
        requested_by=subject,
        requested_at=command.requested_at,
    )
    known = await reports.get(tenant, command.id)
    if known is not None:
        return known
    with suppress(RowExists):
        await reports.add(report)
    return await reports.get(tenant, command.id) or report


async def show(runtime: Runtime, caller: Principal, id: str) -> ReportView:
    """The report as its tenant sees it. Raises ReportNotFound."""
    return view(await _get(runtime, caller, id))


async def read_file(runtime: Runtime, caller: Principal, id: str, format: Format) -> FileContent:
    """One file of a completed report. Raises ReportNotFound or FileNotFound."""
    report = await _get(runtime, caller, id)
    stored = next((file for file in report.files if file.format == format), None)
    if report.status != "completed" or stored is None:
        raise FileNotFound(f"the report is {report.status} and has no {format} file")
    content = await Reports(runtime).get_file(report, format)
    if content is None:
        raise FileNotFound(f"the {format} file is gone")
    return FileContent(content, stored.sha256, f"{_slug(report.request.title)}.{format}")


async def discard(runtime: Runtime, caller: Principal, id: str) -> None:
    """Take a report and its files away; may be repeated. Raises ReportNotFound for one that never was."""
    reports = Reports(runtime)
    report = await _get(runtime, caller, id)
    while report.status != "discarded":
        event = Event("reporting.report.discarded", id, {"id": id, "status": "discarded", "job": report.request.job})
        try:
            report = await reports.step(report, "discarded", event)
        except RowChanged:
            report = await _get(runtime, caller, id)
    # The row comes first: a rendering that ends now sees it and takes its own files away.
    await reports.delete_files(report)


def view(report: Report) -> ReportView:
    """What is told of a report."""
    files = report.files if report.status == "completed" else ()
    return ReportView(
        id=report.id,
        status=report.status,
        title=report.request.title,
        job=report.request.job,
        requested_at=report.requested_at,
        pages=report.pages,
        files=tuple(
            ReportFile(format=f.format, href=href(report.id, f.format), bytes=f.bytes, sha256=f.sha256) for f in files
        ),
        error=report.error,
    )


def href(id: str, format: Format) -> str:
    """The path of a file, through the edge."""
    return f"/reporting/reports/{id}/files/{format}"


async def _get(runtime: Runtime, caller: Principal, id: str) -> Report:
    report = await Reports(runtime).get(caller.tenant, id)
    if report is None:
        raise ReportNotFound(f"there is no report {id!r}")
    return report


def _fingerprint(request: ReportRequest) -> str:
    body: dict[str, Any] = request.model_dump(mode="json", by_alias=True)
    return fingerprint(body)


def _slug(title: str) -> str:
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in title.lower())
    return "-".join(part for part in kept.split("-") if part)[:60] or "report"
