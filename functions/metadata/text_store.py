"""Documents in rows: short ones inline, long ones in a blob that the row names (claim check)."""

from contextlib import suppress
from typing import Any

import orjson
from azure.core.exceptions import AzureError

from chassis.errors import PlatformError
from chassis.storage.blobs import Container
from chassis.storage.rows import Row

INLINE_BYTES = 30_000
"""A table column of text takes 32 Ki UTF-16 units, and no text has more of those than UTF-8 bytes."""


class TextStore:
    """Keeps JSON documents beside rows."""

    def __init__(self, container: Container) -> None:
        self._container = container

    async def keep(self, name: str, text: bytes) -> dict[str, str]:
        """The columns that hold the document. A blob is written before the row, under a name of its own."""
        if len(text) <= INLINE_BYTES:
            return {"document": text.decode("utf-8")}
        await self._container.put(name, text, content_type="application/json")
        return {"blob": name}

    async def recall(self, row: Row) -> Any | None:
        """The document of a row; None when its blob was replaced meanwhile (read the row again)."""
        text = row.get("document")
        if text is None:
            text = await self._container.get(row["blob"])
        return None if text is None else orjson.loads(text)

    async def forget(self, row: Row) -> None:
        """Remove the blob of a row that is no longer there. Never fails: what stays is only space."""
        if blob := row.get("blob"):
            with suppress(AzureError, PlatformError):
                await self._container.delete(blob)
