"""The secret by which the gateway app knows its Envoys: shared by file, never through the edge."""

import asyncio
import hmac
import os
import secrets
from pathlib import Path
from uuid import uuid4

from functions.gateway.errors import NotTheEdge

HEADER = "x-platform-control"
FILE = "edge-control.secret"


class ControlSecret:
    """The secret in `<folder>/edge-control.secret`; made there (0600) when absent, by one of several processes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._secret: bytes | None = None

    async def open(self) -> bytes:
        """The secret. Raises OSError when it can neither be read nor made; a check for `health/ready`."""
        if self._secret is None:
            self._secret = await asyncio.to_thread(self._read_or_make)
        return self._secret

    async def check(self, sent: str | None) -> None:
        """Raises NotTheEdge unless the secret was sent."""
        if sent is None or not hmac.compare_digest(sent.encode(), await self.open()):
            raise NotTheEdge

    def _read_or_make(self) -> bytes:
        if not self._path.exists():
            self._make()
        secret = self._path.read_bytes()
        if len(secret) < 16:
            raise OSError(f"{self._path.name} is too short to be a secret")
        return secret

    def _make(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_name(f".{uuid4().hex}.draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            # A link fails when the name is taken: two first starts at once agree on one secret.
            os.link(draft, self._path)
        except FileExistsError:
            return
        finally:
            draft.unlink()
