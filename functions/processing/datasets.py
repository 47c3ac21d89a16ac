"""Datasets: created here, uploaded straight to their blob, read by range."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chassis.context import Principal
from chassis.http.idempotency import check_same_request, fingerprint, resource_id
from chassis.messaging.events import Event
from chassis.storage.blobs import Container
from chassis.storage.keys import encode_key
from chassis.storage.rows import RowChanged, RowExists
from functions.processing.errors import (
    DatasetComplete,
    DatasetNotFound,
    DatasetNotUploaded,
    DatasetUnreadable,
    FormatNotSupported,
)
from functions.processing.formats.registry import FORMATS
from functions.processing.repository import DatasetRepository, DatasetRow
from functions.processing.schemas import Block, Blocks, CreatedDataset, Dataset, DatasetRequest

UPLOAD_TIME = timedelta(hours=1)


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
        if request.dialect is not None and request.format != "csv":
            raise FormatNotSupported(f"a dialect is for csv, not for {request.format}")
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
        return await self._upload_address(caller.tenant, dataset.id)

    async def renew_upload(self, tenant: str, id: str) -> CreatedDataset:
        """A fresh address for the bytes of a dataset that has none yet. Raises DatasetNotFound, DatasetComplete."""
        dataset = await self.describe(tenant, id)
        if dataset.uploaded_bytes is not None:
            raise DatasetComplete(f"dataset {id} has its {dataset.uploaded_bytes:,} bytes; make another dataset")
        return await self._upload_address(tenant, id)

    async def blocks(self, tenant: str, id: str) -> Blocks:
        """The blocks of an upload that are there and not yet put together. Raises DatasetNotFound."""
        await self._require(tenant, id)
        found = await self._container.uncommitted_blocks(_blob(tenant, id))
        return Blocks(items=tuple(Block(id=block, bytes=size) for block, size in found))

    async def describe(self, tenant: str, id: str) -> Dataset:
        """The dataset with the size of its content, if any. Raises DatasetNotFound."""
        row = await self._require(tenant, id)
        size = await self._container.size(_blob(tenant, id))
        return row.dataset.model_copy(update={"uploaded_bytes": size})

    async def require_content(self, tenant: str, id: str) -> tuple[Dataset, int, str]:
        """The dataset, its bytes and their ETag. Raises DatasetNotFound, DatasetNotUploaded."""
        row = await self._require(tenant, id)
        found = await self._container.version(_blob(tenant, id))
        if found is None:
            raise DatasetNotUploaded(f"dataset {id} was created, but its content has not been uploaded")
        return row.dataset, *found

    async def read(self, tenant: str, id: str, etag: str, offset: int, length: int) -> bytes:
        """A range of the content, shorter at its end.

        Raises DatasetNotUploaded when there is none, DatasetUnreadable when it is not the content of that ETag.
        """
        try:
            block = await self._container.get_range(_blob(tenant, id), offset, length, etag)
        except RowChanged:
            raise DatasetUnreadable("the dataset was changed while it was read") from None
        if block is None:
            raise DatasetNotUploaded(f"the content of dataset {id} is gone")
        return block

    async def _upload_address(self, tenant: str, id: str) -> CreatedDataset:
        url = await self._container.upload_url(_blob(tenant, id), UPLOAD_TIME)
        return CreatedDataset(id=id, upload_url=url, expires_at=datetime.now(UTC) + UPLOAD_TIME)

    async def _require(self, tenant: str, id: str) -> DatasetRow:
        row = await self._rows.get(tenant, id)
        if row is None:
            raise DatasetNotFound(f"there is no dataset {id}")
        return row


def _blob(tenant: str, id: str) -> str:
    return f"{encode_key(tenant)}/{id}"
