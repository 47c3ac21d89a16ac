"""Datasets: created here, uploaded straight to their blob, read by range."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chassis.context import Principal
from chassis.http.idempotency import check_same_request, fingerprint, resource_id
from chassis.messaging.events import Event
from chassis.storage.blobs import Container
from chassis.storage.keys import encode_key
from chassis.storage.rows import RowExists
from functions.processing.errors import DatasetNotFound, DatasetNotUploaded, FormatNotSupported
from functions.processing.repository import DatasetRepository, DatasetRow
from functions.processing.schemas import CreatedDataset, Dataset, DatasetRequest

UPLOAD_TIME = timedelta(hours=1)
FORMATS = ("csv",)


class Datasets:
    """The datasets of all tenants; every method names the tenant."""

    def __init__(self, rows: DatasetRepository, container: Container) -> None:
        self._rows = rows
        self._container = container

    async def create(self, caller: Principal, request: DatasetRequest, key: str | None) -> CreatedDataset:
        """Store a new dataset and give the address for its bytes; a repeated key gives the same dataset.

        Raises FormatNotSupported, KeyReused.
        """
        if request.format not in FORMATS:
            raise FormatNotSupported(f"'{request.format[:40]}' can't be read; the formats are: {', '.join(FORMATS)}")
        dataset = Dataset(
            id=resource_id(caller.tenant, "datasets", key),
            created_at=datetime.now(UTC),
            **request.model_dump(),
        )
        row = DatasetRow(dataset, fingerprint(request.model_dump(mode="json")))
        created = Event("processing.dataset.created", dataset.id, {"id": dataset.id, "name": dataset.name})
        try:
            await self._rows.add(caller.tenant, replace(row, events=(created,)))
        except RowExists:
            stored = await self._require(caller.tenant, dataset.id)
            check_same_request(stored.fingerprint, row.fingerprint)
        url = await self._container.upload_url(_blob(caller.tenant, dataset.id), UPLOAD_TIME)
        return CreatedDataset(id=dataset.id, upload_url=url, expires_at=datetime.now(UTC) + UPLOAD_TIME)

    async def describe(self, tenant: str, id: str) -> Dataset:
        """The dataset with the size of its content, if any. Raises DatasetNotFound."""
        row = await self._require(tenant, id)
        size = await self._container.size(_blob(tenant, id))
        return row.dataset.model_copy(update={"uploaded_bytes": size})

    async def require_content(self, tenant: str, id: str) -> tuple[Dataset, int]:
        """The dataset and its bytes. Raises DatasetNotFound, DatasetNotUploaded."""
        dataset = await self.describe(tenant, id)
        if dataset.uploaded_bytes is None:
            raise DatasetNotUploaded(f"dataset {id} was created, but its content has not been uploaded")
        return dataset, dataset.uploaded_bytes

    async def read(self, tenant: str, id: str, offset: int, length: int) -> bytes:
        """A range of the content, shorter at its end. Raises DatasetNotUploaded when there is none."""
        block = await self._container.get_range(_blob(tenant, id), offset, length)
        if block is None:
            raise DatasetNotUploaded(f"the content of dataset {id} is gone")
        return block

    async def _require(self, tenant: str, id: str) -> DatasetRow:
        row = await self._rows.get(tenant, id)
        if row is None:
            raise DatasetNotFound(f"there is no dataset {id}")
        return row


def _blob(tenant: str, id: str) -> str:
    return f"{encode_key(tenant)}/{id}"
