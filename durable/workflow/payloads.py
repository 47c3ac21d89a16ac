"""Claim checks: JSON that is too long for a row lies in a blob, and the row holds its address.

A claim is the text `claim:<sha-256 of the bytes>:<number of bytes>`, which no JSON text begins like. Blobs are named by
tenant and content, so that writing one again changes nothing.
"""

import hashlib
import json
from typing import Any

from chassis.storage.blobs import Container

CONTAINER = "workflow-payloads"
INLINE_BYTES = 30_000
_CLAIM = "claim:"


class Payloads:
    """The values of all tenants that are too long for their rows; every method names the tenant it acts for."""

    def __init__(self, container: Container) -> None:
        self._container = container

    async def stored(self, tenant: str, value: Any) -> str:
        """The value's JSON text, or a claim to it once that lies in a blob. May be repeated."""
        text = json.dumps(value, ensure_ascii=False)
        content = text.encode()
        if len(content) <= INLINE_BYTES:
            return text
        digest = hashlib.sha256(content).hexdigest()
        await self._container.put(f"{tenant}/{digest}.json", content, content_type="application/json")
        return f"{_CLAIM}{digest}:{len(content)}"

    async def value(self, tenant: str, stored: str | None) -> Any:
        """The value that `stored` gave the text of; None for None. Raises LookupError when its blob is gone."""
        if stored is None:
            return None
        if not stored.startswith(_CLAIM):
            return json.loads(stored)
        content = await self._container.get(f"{tenant}/{stored.split(':')[1]}.json")
        if content is None:
            raise LookupError(f"a payload is not in its container: {stored}")
        return json.loads(content)
