"""What the reporting service stores: a row per report (partition: tenant) and its files as blobs."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

import orjson

from chassis.messaging.events import Event
from chassis.runtime import Runtime
from chassis.storage.rows import Row, RowChanged
from chassis.storage.tables import Replace
from functions.reporting.schemas import CONTENT_TYPES, Format, ReportRequest, Status
from functions.reporting.state import may_become

TABLE, CONTAINER = "reports", "reports"


@dataclass(frozen=True)
class StoredFile:
    """What the row knows of one file; `sha256` is hexadecimal."""

    format: Format
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Report:
    """One report's row; `etag` is empty until it is stored."""

    tenant: str
    id: str
    status: Status
    request: ReportRequest
    fingerprint: str
    requested_by: str
    requested_at: datetime
    pages: int | None = None
    files: tuple[StoredFile, ...] = ()
    error: dict[str, Any] | None = None
    etag: str = field(default="", compare=False)

    def values(self) -> dict[str, Any]:
        """The row's columns."""
        return {
            "status": self.status,
            "request": self.request.model_dump_json(by_alias=True),
            "fingerprint": self.fingerprint,
            "requestedBy": self.requested_by,
            "requestedAt": self.requested_at.isoformat(),
            "pages": self.pages,
            "files": orjson.dumps(self.files).decode(),
            "error": orjson.dumps(self.error).decode() if self.error is not None else None,
        }

    @classmethod
    def of(cls, row: Row) -> Self:
        """The report of a row."""
        error = row.get("error")
        return cls(
            tenant=row.partition,
            id=row.key,
            status=row["status"],
            request=ReportRequest.model_validate_json(row["request"]),
            fingerprint=row["fingerprint"],
            requested_by=row["requestedBy"],
            requested_at=datetime.fromisoformat(row["requestedAt"]),
            pages=row.get("pages"),
            files=tuple(StoredFile(**item) for item in orjson.loads(row["files"])),
            error=orjson.loads(error) if error else None,
            etag=row.etag,
        )


class Reports:
    """The stored reports of all tenants."""

    def __init__(self, runtime: Runtime) -> None:
        self._table = runtime.tables.table(TABLE)
        self._blobs = runtime.blobs.container(CONTAINER)

    async def get(self, tenant: str, id: str) -> Report | None:
        """The report, or None."""
        row = await self._table.get(tenant, id)
        return Report.of(row) if row is not None else None

    async def add(self, report: Report) -> None:
        """Store a new report. Raises RowExists when there is one with its id."""
        await self._table.insert(report.tenant, report.id, report.values())

    async def step(self, report: Report, status: Status, *events: Event, **changes: Any) -> Report:
        """Move a report to another state and announce it, all or nothing; the report as it is now.

        Raises RowChanged when it was changed meanwhile, or its state does not allow the step.
        """
        if not may_become(report.status, status):
            raise RowChanged(f"the report is {report.status} and can't become {status}")
        new = replace(report, status=status, **changes)
        await self._table.commit(report.tenant, [Replace(report.id, new.values(), report.etag)], events)
        stored = await self.get(report.tenant, report.id)
        return stored or new

    async def put_file(self, report: Report, format: Format, content: bytes) -> None:
        """Store the bytes of a file; repeated, it is written anew."""
        await self._blobs.put(_name(report, format), content, content_type=CONTENT_TYPES[format])

    async def get_file(self, report: Report, format: Format) -> bytes | None:
        """The bytes of a file, or None."""
        return await self._blobs.get(_name(report, format))

    async def delete_files(self, report: Report) -> None:
        """Remove every file of a report; those that are gone are no error."""
        for format in CONTENT_TYPES:
            await self._blobs.delete(_name(report, format))


def _name(report: Report, format: Format) -> str:
    return f"{report.tenant}/{report.id}/{format}"
