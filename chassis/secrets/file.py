"""Secrets in one file of this machine, readable by its owner alone: for one machine, not for a cluster."""

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chassis.errors import DependencyUnavailable
from chassis.secrets.store import SecretNotFound, SecretStore

Content = dict[str, dict[str, Any]]


class FileSecrets(SecretStore):
    """`{tenant: {name: value}}` as JSON, mode 0600; replaced as a whole, so that a crash leaves the old or the new.

    Several processes may use the same file: writers hold a lock beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def get(self, tenant: str, name: str) -> Any:
        """The secret's value. Raises SecretNotFound."""
        found = (await asyncio.to_thread(self._read)).get(tenant, {})
        if name not in found:
            raise SecretNotFound(name)
        return found[name]

    async def put(self, tenant: str, name: str, value: Any) -> None:
        """Keep the value."""
        await asyncio.to_thread(self._change, tenant, name, [value])

    async def delete(self, tenant: str, name: str) -> None:
        """Forget the secret."""
        await asyncio.to_thread(self._change, tenant, name, [])

    async def names(self, tenant: str) -> list[str]:
        """The tenant's names, sorted."""
        return sorted((await asyncio.to_thread(self._read)).get(tenant, {}))

    def _read(self) -> Content:
        try:
            found: Content = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise DependencyUnavailable("the secret store can't be read") from None
        return found

    def _change(self, tenant: str, name: str, values: list[Any]) -> None:
        """Put the one value in the list, or take the name away when there is none."""
        with self._locked():
            content = self._read()
            own = {key: value for key, value in content.get(tenant, {}).items() if key != name}
            if values:
                own[name] = values[0]
            self._write(
                {**{key: value for key, value in content.items() if key != tenant}, **({tenant: own} if own else {})}
            )

    def _write(self, content: Content) -> None:
        fresh = self._path.with_suffix(f".{os.getpid()}.new")
        try:
            fresh.unlink(missing_ok=True)  # a crash may have left one
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps(content, ensure_ascii=False).encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError:
            raise DependencyUnavailable("the secret store can't be written") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
