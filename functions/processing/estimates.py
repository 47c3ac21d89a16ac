"""How far work is, how fast, and when it may end."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from functions.processing.repository import WorkRow
from functions.processing.schemas import ChunkReport, Progress, WorkPlan


def progress_of(work: WorkRow, plan: WorkPlan | None, reports: Mapping[int, ChunkReport], now: datetime) -> Progress:
    """The progress of planned work; `plan` is None for work that has ended, which has no rate and no estimate."""
    rows = sum(report.rows for report in reports.values())
    done = Progress(
        rows=rows,
        total_rows=work.rows if work.rows is not None else rows if work.status == "completed" else None,
        bytes=work.total_bytes if work.status == "completed" else None,
        total_bytes=work.total_bytes,
        chunks=work.chunks,
        chunks_done=len(reports),
    )
    if plan is None or work.started_at is None:
        return done
    bytes_done = sum(plan.chunks[index].length for index in reports if index < len(plan.chunks))
    share = len(reports) / plan.tasks
    elapsed_s = (now - work.started_at).total_seconds()
    return done.model_copy(
        update={
            "bytes": bytes_done,
            "rows_per_second": round(rows / elapsed_s, 1) if elapsed_s > 0 and rows else None,
            "estimated_end_at": now + timedelta(seconds=elapsed_s * (1 - share) / share) if share else None,
        }
    )
