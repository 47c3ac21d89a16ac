"""The contracts of the HTTP API, the chunk message and the plan of a piece of work."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from chassis.models import Contract
from durable.jobs.models import Kind

Name = Annotated[str, Field(min_length=1, max_length=200)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9\-]{1,64}$")]
SchemaName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,99}$")]
TableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Status = Literal["pending", "running", "completed", "failed", "discarded"]
ResultFormat = Literal["csv", "json", "parquet"]


class DatasetRequest(Contract):
    """A dataset to be uploaded. `null_values` are the texts that stand for no value; at most 20."""

    name: Name
    format: str = "csv"
    null_values: tuple[Annotated[str, Field(max_length=100)], ...] = Field(default=("NA", ""), max_length=20)


class Dataset(Contract):
    """A dataset; `uploaded_bytes` is None until its content is there."""

    id: str
    name: str
    format: str
    null_values: tuple[str, ...]
    created_at: datetime
    uploaded_bytes: int | None = None


class CreatedDataset(Contract):
    """A new dataset and the address that takes its bytes, in one PUT with `x-ms-blob-type: BlockBlob`."""

    id: str
    upload_url: str
    expires_at: datetime


class SchemaReference(Contract):
    """A schema of the metadata service; `version` a number, or "latest" as it stands when the work is planned."""

    name: SchemaName
    version: Annotated[int, Field(ge=1)] | Literal["latest"] = "latest"


class ValidationRequest(Contract):
    """Check a dataset against a schema; more than `max_invalid` bad records make it fail (default 0)."""

    dataset: Id
    schema_: SchemaReference = Field(alias="schema")
    max_invalid: int = Field(default=0, ge=0)


class JobRequest(Contract):
    """One SELECT over `input`: the records of the dataset, or the valid ones of `validation`."""

    dataset: Id
    query: str = Field(min_length=1, max_length=20_000)
    validation: Id | None = None
    reference_data: tuple[TableName, ...] = Field(default=(), max_length=10)


class Accepted(Contract):
    """The id of work that has been stored and will be done."""

    id: str


class Progress(Contract):
    """How far the work is; rows and bytes are None until it is planned."""

    rows: int | None = None
    total_rows: int | None = None
    total_bytes: int | None = None
    chunks: int | None = None
    chunks_done: int = 0


class InvalidRow(Contract):
    """A record that does not fit. `row` counts data rows from 1 (the header is not one); `field` is a JSON pointer."""

    row: int
    field: str
    reason: str


class ValidationResult(Contract):
    """What a completed validation found; `invalid_rows` are the first of them, `quarantine` has all."""

    rows: int
    valid: int
    invalid: int
    invalid_rows: tuple[InvalidRow, ...] = ()


class JobResult(Contract):
    """What a completed job made; get it at `/processing/jobs/{id}/result`."""

    rows: int
    columns: tuple[str, ...]


class QueryPlanSummary(Contract):
    """How a job's query runs: on many nodes, or on one and why."""

    distributed: bool
    reason: str | None = None


class Work(Contract):
    """A validation or job as its owner sees it."""

    id: str
    status: Status
    created_at: datetime
    progress: Progress
    plan: QueryPlanSummary | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class Chunk(Contract):
    """Whole records of a dataset blob (bytes from `offset`), or all rows of a Parquet `blob`."""

    index: int
    first_row: int
    rows: int
    offset: int = 0
    length: int = 0
    blob: str | None = None


class WorkPlan(Contract):
    """How a piece of work is done; stored once and read by every worker.

    `kinds` are the JSON types of the dataset's columns, in order. A validation has `schema_` with its version
    resolved; a job has the query's two halves.
    """

    dataset: str
    null_values: tuple[str, ...]
    kinds: dict[str, str]
    total_bytes: int
    chunks: tuple[Chunk, ...]
    schema_: SchemaReference | None = None
    query: dict[str, Any] | None = None
    reference_data: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The rows of all chunks."""
        return sum(chunk.rows for chunk in self.chunks)


class ChunkCommand(Contract):
    """The message that has one chunk done; everything else lies in the plan."""

    kind: Kind
    id: str
    chunk: int


class ChunkReport(Contract):
    """What is stored of a finished chunk; of its invalid rows the first ones."""

    rows: int = 0
    valid: int = 0
    invalid: int = 0
    invalid_rows: tuple[InvalidRow, ...] = ()
    problem: dict[str, Any] | None = None
