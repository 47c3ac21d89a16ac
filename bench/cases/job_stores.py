"""What a job is stored in, kept in memory: the bench measures the work, not the storage account."""

from datetime import UTC, datetime
from typing import Any

from chassis.storage.rows import RowExists
from chassis.work import WorkContext
from durable.jobs.models import Order
from functions.processing.repository import WorkRow
from functions.processing.schemas import ChunkReport

ORDER = Order(kind="job", tenant="bench", id="flights")


def running() -> WorkRow:
    """The job's row."""
    work = WorkContext(tenant=ORDER.tenant, subject="bench")
    return WorkRow(ORDER, "running", {}, "", work, datetime.now(UTC))


class MemoryContainer:
    """Blobs by name."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    async def put(self, name: str, data: bytes, *, if_absent: bool = False) -> str:
        """Store. Raises RowExists as the container does."""
        if if_absent and name in self.blobs:
            raise RowExists(name)
        self.blobs[name] = data
        return ""

    async def get(self, name: str) -> bytes | None:
        """The blob, or None."""
        return self.blobs.get(name)

    async def delete(self, name: str) -> None:
        """Remove it."""
        self.blobs.pop(name, None)


class MemoryWork:
    """One job that runs, and the reports of its chunks."""

    def __init__(self) -> None:
        self._reports: dict[int, ChunkReport] = {}

    async def get(self, order: Order) -> WorkRow:
        """The job."""
        return running()

    async def report(self, order: Order, chunk: int, generation: int = 0) -> ChunkReport | None:
        """The report of a chunk that is done."""
        return self._reports.get(chunk)

    async def reports(self, order: Order, generation: int = 0) -> dict[int, ChunkReport]:
        """All reports."""
        return dict(self._reports)

    async def put_report(self, order: Order, chunk: int, report: ChunkReport, generation: int = 0) -> None:
        """Keep it."""
        self._reports[chunk] = report


async def no_progress(*_: Any) -> None:
    """Nobody looks on."""
