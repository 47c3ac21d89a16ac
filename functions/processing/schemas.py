"""The contracts of the HTTP API, the chunk message and the plan of a piece of work."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from chassis.models import Contract, example
from durable.jobs.models import Kind
from functions.processing.parsing.dialect import Dialect

Name = Annotated[str, Field(min_length=1, max_length=200)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9\-]{1,64}$")]
SchemaName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,99}$")]
TableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Status = Literal["pending", "running", "completed", "failed", "cancelled", "discarded"]
ResultFormat = Literal["csv", "json", "parquet"]


class DatasetRequest(Contract):
    """A dataset to be uploaded: `csv`, `ndjson` or `parquet`.

    Of delimited text, `dialect` is found from the first records when it is not given, and `null_values` are the texts
    that stand for no value; at most 20.
    """

    model_config = example(name="flights-2013", format="csv")

    name: Name
    format: str = "csv"
    dialect: Dialect | None = None
    null_values: tuple[Annotated[str, Field(max_length=100)], ...] = Field(default=("NA", ""), max_length=20)


class Dataset(Contract):
    """A dataset; `uploaded_bytes` is None until its content is there."""

    id: str
    name: str
    format: str
    dialect: Dialect | None = None
    null_values: tuple[str, ...]
    created_at: datetime
    uploaded_bytes: int | None = None


class CreatedDataset(Contract):
    """A new dataset and the address that takes its bytes.

    In one PUT with `x-ms-blob-type: BlockBlob`, or in blocks (Put Block, then Put Block List): a broken-off upload goes
    on with the blocks that `/processing/datasets/{id}/blocks` does not name yet, at a fresh address if need be.
    """

    id: str
    upload_url: str
    expires_at: datetime


class Block(Contract):
    """A block that has been uploaded and not yet been put together; `id` as it was given (base64)."""

    id: str
    bytes: int


class Blocks(Contract):
    """The blocks that wait to be put together, in the order in which they came."""

    items: tuple[Block, ...]


class SchemaReference(Contract):
    """A schema of the metadata service; `version` a number, or "latest" as it stands when the work is planned."""

    name: SchemaName
    version: Annotated[int, Field(ge=1)] | Literal["latest"] = "latest"


class ValidationRequest(Contract):
    """Check a dataset against a schema; more than `max_invalid` bad records make it fail (default 0)."""

    model_config = example(dataset="1", schema={"name": "flight"}, maxInvalid=10)

    dataset: Id
    schema_: SchemaReference = Field(alias="schema")
    max_invalid: int = Field(default=0, ge=0)


class JobRequest(Contract):
    """One SELECT over `input`: the records of the dataset, or the valid ones of `validation`.

    With `schema` the records are checked as they are computed: those that fail go to the job's quarantine, and more
    than `max_invalid` of them make the job fail. `datasets` are further datasets to join, by the name of their table;
    they are small ones, which every chunk gets whole. `deadline_seconds` counts from when the job is planned.
    """

    model_config = example(dataset="1", query="SELECT carrier, count(*) AS flights FROM input GROUP BY carrier")

    dataset: Id
    query: str = Field(min_length=1, max_length=20_000)
    validation: Id | None = None
    schema_: SchemaReference | None = Field(default=None, alias="schema")
    max_invalid: int = Field(default=0, ge=0)
    reference_data: tuple[TableName, ...] = Field(default=(), max_length=10)
    datasets: dict[TableName, Id] = Field(default={}, max_length=10)
    deadline_seconds: int = Field(default=3600, ge=10, le=86_400)


class Accepted(Contract):
    """The id of work that has been stored and will be done."""

    id: str


class Progress(Contract):
    """How far the work is; None until that is known. `total_rows` of a large file is known at the end only.

    `rows_per_second` is the mean since the work began; `estimated_end_at` goes by the bytes that are left.
    """

    rows: int | None = None
    total_rows: int | None = None
    bytes: int | None = None
    total_bytes: int | None = None
    chunks: int | None = None
    chunks_done: int = 0
    rows_per_second: float | None = None
    estimated_end_at: datetime | None = None


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
    invalid: int | None = None


class QueryPlanSummary(Contract):
    """How a job's query runs: on many nodes, or on one and why."""

    distributed: bool
    reason: str | None = None


class JobPlan(Contract):
    """How a job's query is carried out.

    `mode` is "parts" (each chunk computes parts of the result), "keys" (chunks deal their rows out to `buckets` by
    `keys`, each bucket runs the query) or "one-node", which `reason` explains. The statements are DuckDB's SQL.
    """

    mode: Literal["parts", "keys", "one-node"]
    reason: str | None = None
    columns: tuple[str, ...]
    chunks: int
    map_sql: str
    keys: tuple[str, ...] = ()
    buckets: int = 0
    bucket_sql: str | None = None
    reduce_sql: str


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
    """Whole records of a dataset blob (bytes from `offset`), row group `group` of it, or all rows of a `blob`.

    Under a quick layout `rows` and `first_row` are 0, and the bytes are those in which its records begin.
    """

    index: int
    first_row: int
    rows: int
    offset: int = 0
    length: int = 0
    group: int = 0
    blob: str | None = None


class WorkPlan(Contract):
    """How a piece of work is done; stored once and read by every worker.

    `kinds` are the JSON types of the dataset's columns, in order, where its values are converted; `empty` is a frame
    with its columns and no rows (Arrow IPC, base64). A validation, or a job that checks, has `schema_` with its version
    resolved; a job has the query's steps. `quick`: laid out from samples. `tables` are what `input` is joined to.
    """

    dataset: str
    null_values: tuple[str, ...]
    kinds: dict[str, str]
    total_bytes: int
    chunks: tuple[Chunk, ...]
    schema_: SchemaReference | None = None
    query: dict[str, Any] | None = None
    tables: tuple[str, ...] = ()
    etag: str = ""
    empty: str = ""
    format: str = "csv"
    dialect: Dialect | None = None
    quick: bool = False

    @property
    def rows(self) -> int | None:
        """The rows of all chunks; None when they have not been counted."""
        return None if self.quick else sum(chunk.rows for chunk in self.chunks)

    @property
    def buckets(self) -> int:
        """The buckets that the rows are dealt out to; they are done after the chunks, under the next numbers."""
        return int(self.query["buckets"]) if self.query else 0

    @property
    def tasks(self) -> int:
        """Everything that is to be done before the last step."""
        return len(self.chunks) + self.buckets


class ChunkCommand(Contract):
    """The message that has one chunk, or bucket, done; everything else lies in the plan of that generation."""

    kind: Kind
    id: str
    chunk: int
    generation: int = 0


class ChunkReport(Contract):
    """What is stored of a finished chunk; of its invalid rows the first ones.

    `slices` are the lengths of what it dealt out to each bucket. `look_again` is why the quick layout was wrong.
    """

    slices: tuple[int, ...] = ()
    look_again: str | None = None
    rows: int = 0
    valid: int = 0
    invalid: int = 0
    invalid_rows: tuple[InvalidRow, ...] = ()
    problem: dict[str, Any] | None = None
