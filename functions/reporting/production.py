"""Making a report: from the command to stored files, at least once, with the same result however often."""

import hashlib
import logging
from typing import Any

from chassis.errors import PlatformError, RemoteError, can_retry
from chassis.messaging.events import Event
from chassis.messaging.message import Message
from chassis.runtime import Runtime
from chassis.storage.rows import RowChanged
from functions.reporting.errors import JobNotUsable, RenderingFailed, RenderingInterrupted
from functions.reporting.renderer import Rendered, render
from functions.reporting.rendering.spec import RenderSpec
from functions.reporting.repository import Report, Reports, StoredFile
from functions.reporting.schemas import RenderReport
from functions.reporting.service import QUEUE, RENDER, ensure, href
from functions.reporting.state import OPEN

log = logging.getLogger(__name__)
LAST_ATTEMPT, LAST_RENDERING = 10, 3
"""Attempts while a dependency is away, and attempts of a rendering that dies or takes too long."""
LONGEST_PAUSE_S = 60
LAST_DELIVERY = 5
"""The host's maxDequeueCount (host.json): after it the message lies on the poison queue."""
FETCH_TIMEOUT_S = 60.0


async def produce(runtime: Runtime, message: Message[RenderReport]) -> None:
    """Carry out one command; a report that is made, failed or discarded already stays as it is.

    A dependency that is away puts the command off, with a growing pause; any other PlatformError makes the report
    `failed`. What nobody foresaw is raised, so that the host tries again and at last keeps the message.
    """
    command = message.data
    reports = Reports(runtime)
    report = await ensure(reports, message.tenant, message.principal, command)
    if report.fingerprint != command.fingerprint or report.status not in OPEN:
        return
    try:
        report = await reports.step(report, "running")
        await _make(runtime, reports, report)
    except RowChanged:
        await _give_way(reports, report)
    except PlatformError as error:
        await _put_off_or_fail(runtime, reports, report, command, error)
    except Exception:
        if message.dequeue_count >= LAST_DELIVERY:
            await _fail(reports, report, RenderingFailed("the report failed on our side").problem())
        raise


async def _make(runtime: Runtime, reports: Reports, report: Report) -> None:
    total = len(report.request.formats)

    async def on_file(done: int) -> None:
        await runtime.progress("report", report.id, done, total, "files")

    await on_file(0)
    with runtime.telemetry.span("fetch result", reporting_job=report.request.job):
        parquet = await _fetch(runtime, report)
    spec = RenderSpec(request=report.request, author=report.requested_by, requested_at=report.requested_at)
    with runtime.telemetry.span("render report", reporting_formats=",".join(report.request.formats)):
        rendered = await render(spec, parquet, on_file)
    if rendered.problem is not None:
        await _fail(reports, report, rendered.problem)
        return
    await _complete(reports, report, rendered)
    if rendered.pages is not None:
        await runtime.progress("report", report.id, rendered.pages, rendered.pages, "pages")


async def _fetch(runtime: Runtime, report: Report) -> bytes:
    path = f"/processing/jobs/{report.request.job}/result"
    try:
        content = await runtime.services.ask(
            "processing", "GET", path, params={"format": "parquet"}, raw=True, timeout_s=FETCH_TIMEOUT_S
        )
    except RemoteError as error:
        if error.remote_status >= 500 or error.can_retry or error.remote_status == 401:
            raise
        raise JobNotUsable(f"job {report.request.job}: {error.detail}", job=report.request.job) from error
    return bytes(content)


async def _complete(reports: Reports, report: Report, rendered: Rendered) -> None:
    files = []
    for format, content in rendered.files.items():
        await reports.put_file(report, format, content)
        files.append(StoredFile(format, len(content), hashlib.sha256(content).hexdigest()))
    data: dict[str, Any] = {
        "id": report.id,
        "status": "completed",
        "job": report.request.job,
        "pages": rendered.pages,
        "files": [
            {"format": f.format, "href": href(report.id, f.format), "bytes": f.bytes, "sha256": f.sha256} for f in files
        ],
    }
    event = Event("reporting.report.completed", report.id, data)
    await reports.step(report, "completed", event, pages=rendered.pages, files=tuple(files))


async def _put_off_or_fail(
    runtime: Runtime, reports: Reports, report: Report, command: RenderReport, error: PlatformError
) -> None:
    again = can_retry(error) or (isinstance(error, RemoteError) and error.remote_status in {401, 500})
    last = LAST_RENDERING if isinstance(error, RenderingInterrupted) else LAST_ATTEMPT
    if not again or command.attempt >= last:
        await _fail(reports, report, error.problem())
        return
    log.warning("report %s is put off after attempt %d: %s", report.id, command.attempt, error)
    later = command.model_copy(update={"attempt": command.attempt + 1})
    pause_s = min(LONGEST_PAUSE_S, 2**command.attempt)
    await runtime.queues.send(QUEUE, RENDER, later, id=f"{command.id}.{later.attempt}", visible_after_s=pause_s)


async def _fail(reports: Reports, report: Report, problem: dict[str, Any]) -> None:
    problem = {key: value for key, value in problem.items() if key != "traceId"}
    data = {"id": report.id, "status": "failed", "job": report.request.job, "error": problem}
    event = Event("reporting.report.failed", report.id, data)
    try:
        await reports.step(report, "failed", event, error=problem)
    except RowChanged:
        await _give_way(reports, report)


async def _give_way(reports: Reports, report: Report) -> None:
    """Someone else changed the report meanwhile: another delivery of this command goes on, a discarded one is gone."""
    now = await reports.get(report.tenant, report.id)
    if now is not None and now.status == "discarded":
        await reports.delete_files(now)
