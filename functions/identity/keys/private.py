"""Where the private halves of signing keys lie: a port, and files that only their owner may read."""

import asyncio
import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger(__name__)
_KID = re.compile(r"[0-9a-zA-Z-]{1,64}")


class PrivateKeys(Protocol):
    """Private JWKs by key id."""

    async def load(self, kid: str) -> Mapping[str, Any] | None:
        """The private JWK; None when there is none. Raises DependencyUnavailable when the store can't be asked."""
        ...

    async def save(self, kid: str, jwk: Mapping[str, Any]) -> None:
        """Keep a new key; durable when this returns."""
        ...

    async def delete(self, kid: str) -> None:
        """Forget a key; one that is not there is no error."""
        ...


class FileKeys:
    """`<kid>.jwk` in a folder of mode 0700, each file 0600."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def load(self, kid: str) -> Mapping[str, Any] | None:
        """The private JWK of a file; None where there is no such file. Raises ValueError when it can't be read."""
        return await asyncio.to_thread(self._load, kid)

    async def save(self, kid: str, jwk: Mapping[str, Any]) -> None:
        """Write a new file, flushed to disk."""
        await asyncio.to_thread(self._save, kid, jwk)

    async def delete(self, kid: str) -> None:
        """Remove the file."""
        await asyncio.to_thread(self._path(kid).unlink, missing_ok=True)

    def _load(self, kid: str) -> Mapping[str, Any] | None:
        try:
            with self._path(kid).open(encoding="utf-8") as file:
                self._close_to_others(kid, file.fileno())
                found: dict[str, Any] = json.load(file)
                return found
        except FileNotFoundError:
            return None

    def _close_to_others(self, kid: str, file: int) -> None:
        # A backup that was played back, or a hand: the key may be known, which only its operators can judge.
        if os.fstat(file).st_mode & 0o077:
            log.error("signing key %s could be read by others; if it was, withdraw it", kid)
            os.fchmod(file, 0o600)

    def _save(self, kid: str, jwk: Mapping[str, Any]) -> None:
        path = self._path(kid)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{kid}.draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(dict(jwk), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def _path(self, kid: str) -> Path:
        if not _KID.fullmatch(kid):
            raise ValueError("this is not a key id of ours")
        return self._folder / f"{kid}.jwk"
