"""What SQLite's errors mean for the hub: it is broken, or can't be read or written just now."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from funchost.durable.backend import BackendError, HubCorrupt, StorageUnavailable

REMEDY = "Restore it from a copy, or move it away to begin with an empty hub."
_PRIMARY_CODE = 0xFF
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def as_backend_error(error: BaseException, path: Path, action: str) -> BackendError:
    """HubCorrupt for a page that makes no sense; StorageUnavailable for what a retry may mend (disk full, I/O)."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & _PRIMARY_CODE in _BROKEN:
        return HubCorrupt(f"The task hub {path} is damaged and can't be {action}: {error}. Stop the host. {REMEDY}")
    return StorageUnavailable(f"The task hub {path} can't be {action}: {error}.")
