"""Contracts of the reporting service: what a report is asked with, and what is told of it."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from unicodedata import category

from pydantic import AfterValidator, Field, model_validator

from chassis.models import Contract, example

Format = Literal["pdf", "xlsx", "csv"]
Status = Literal["pending", "running", "completed", "failed", "discarded"]
Aggregate = Literal["sum", "mean", "min", "max", "count"]
MAX_LABEL_CHARACTERS = 4_000

CONTENT_TYPES: dict[Format, str] = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8; header=present",
}


def _one_line(text: str) -> str:
    if any(category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text):
        raise ValueError("must be one line without control characters")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,99}$")]
ColumnName = Annotated[Line, Field(min_length=1, max_length=200)]


class ChartRequest(Contract):
    """The picture of a report: `y` aggregated over the rows of each `x` (and `series`).

    A heatmap lays `x` over `series`, which it needs. Without a title, one is made of the column names.
    """

    type: Literal["bar", "line", "area", "heatmap"] = "bar"
    x: ColumnName
    y: ColumnName
    series: ColumnName | None = None
    aggregate: Aggregate = "sum"
    title: Annotated[Line, Field(max_length=200)] | None = None

    @model_validator(mode="after")
    def _heatmap_has_two_axes(self) -> Self:
        if self.type == "heatmap" and self.series is None:
            raise ValueError("a heatmap needs series: the column that runs down")
        return self


class FigureRequest(Contract):
    """One key figure at the head of the report: an aggregate over a column of all rows."""

    label: Annotated[Line, Field(min_length=1, max_length=60)]
    column: ColumnName
    aggregate: Aggregate = "sum"


class ReportRequest(Contract):
    """What POST /reporting/reports takes. Without chart or figures, fitting ones are chosen from the result.

    `labels` gives columns headings for people, in PDF, XLSX and chart; CSV keeps the names. Without one, a column is
    headed by the words of its name.
    """

    model_config = example(title="Delays", job="1", formats=["pdf", "csv"], chart={"x": "month", "y": "delay"})

    title: Annotated[Line, Field(min_length=1, max_length=200)]
    subtitle: Annotated[Line, Field(max_length=300)] | None = None
    job: Identifier
    formats: tuple[Format, ...] = Field(default=("pdf", "xlsx", "csv"), min_length=1, max_length=3)
    chart: ChartRequest | None = None
    figures: tuple[FigureRequest, ...] = Field(default=(), max_length=4)
    labels: dict[ColumnName, Annotated[Line, Field(min_length=1, max_length=60)]] = {}

    @model_validator(mode="after")
    def _each_format_once(self) -> Self:
        if len(set(self.formats)) != len(self.formats):
            raise ValueError("a format is named twice")
        return self

    @model_validator(mode="after")
    def _labels_fit_a_message(self) -> Self:
        if sum(len(name) + len(label) for name, label in self.labels.items()) > MAX_LABEL_CHARACTERS:
            raise ValueError(f"labels and their columns' names are longer than {MAX_LABEL_CHARACTERS} characters")
        return self


class RenderReport(Contract):
    """The command `reporting.render`: the whole request, so that the message alone is enough to do the work."""

    id: Identifier
    fingerprint: str
    requested_at: datetime
    request: ReportRequest
    attempt: int = Field(default=1, ge=1)


class ReportAccepted(Contract):
    """The answer to a report that will be made."""

    id: str
    status: Status


class ReportFile(Contract):
    """One file of a report; `sha256` is hexadecimal."""

    format: Format
    href: str
    bytes: int
    sha256: str


class ReportView(Contract):
    """A report as its owner sees it; `pages` counts those of the PDF, None until it is made or without one."""

    id: str
    status: Status
    title: str
    job: str
    requested_at: datetime
    pages: int | None = None
    files: tuple[ReportFile, ...] = ()
    error: dict[str, Any] | None = None
