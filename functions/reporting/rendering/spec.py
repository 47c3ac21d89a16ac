"""What the rendering process is told and what it answers."""

from datetime import datetime
from typing import Any

from chassis.models import Contract
from functions.reporting.schemas import Format, ReportRequest


class RenderSpec(Contract):
    """All of a report but its data; `author` and `requested_at` come from the report's row."""

    request: ReportRequest
    author: str
    requested_at: datetime


class Outcome(Contract):
    """The pages of the PDF (None without one), or the problem that stopped the rendering."""

    pages: int | None = None
    problem: dict[str, Any] | None = None


def file_name(format: Format) -> str:
    """The name of a format's file in the working folder."""
    return f"report.{format}"


RESULT, SPEC, OUTCOME = "result.parquet", "spec.json", "outcome.json"
