"""Versioned documents in a table: versions are never changed, and a new one needs the present one's ETag.

One partition per tenant: `head|<name>` (number and digest of the latest), `version|<name>|<number>`, and
`digest|<name>|<digest>` that finds the version of a document.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis import context
from chassis.http.preconditions import Precondition, require
from chassis.messaging.events import Event
from chassis.storage.rows import Change, Insert, Replace, Row, RowChanged, RowExists
from chassis.storage.tables import Table
from functions.metadata.errors import ETagMismatch
from functions.metadata.etags import etag_of
from functions.metadata.schema_document import digest_of, text_of
from functions.metadata.text_store import TextStore

MAX_ATTEMPTS = 10


@dataclass(frozen=True)
class Version:
    """One version of a document; `etag` is made of its content."""

    name: str
    version: int
    etag: str
    created_at: datetime
    created_by: str
    document: Any = None


@dataclass(frozen=True)
class Head:
    """The latest version of a name."""

    name: str
    version: int
    etag: str
    updated_at: datetime


class VersionedDocuments:
    """All versions of all documents of one kind. Every method names the tenant and stays in its partition."""

    def __init__(self, table: Table, texts: TextStore, event_type: str, *, reuse_any_version: bool) -> None:
        self._table = table
        self._texts = texts
        self._event_type = event_type
        self._reuse_any_version = reuse_any_version

    async def put(self, tenant: str, name: str, document: Any, condition: Precondition | None) -> tuple[Version, bool]:
        """The version that holds the document, and whether it is new.

        A document that is there already keeps its version: any earlier one (`reuse_any_version`) or the latest.
        Raises ETagMismatch unless `condition` holds for the latest version's ETag.
        """
        digest = digest_of(document)
        columns = await self._texts.keep(f"{tenant}/{self._table.name}/{name}/{digest}", text_of(document))
        for _ in range(MAX_ATTEMPTS):
            head = await self._table.get(tenant, f"head|{name}")
            require(condition, etag_of(head["digest"]) if head else None, ETagMismatch)
            known = await self._known_version(tenant, name, digest, head)
            if known and (found := await self.get(tenant, name, known)):
                return found, False
            number = head["latest"] + 1 if head else 1
            try:
                return await self._add(tenant, name, number, digest, columns, head), True
            except (RowExists, RowChanged):
                continue  # somebody else added a version meanwhile
        raise ETagMismatch(f"{name} is being changed by others all the time")

    async def get(self, tenant: str, name: str, version: int | None) -> Version | None:
        """One version (None: the latest) with its document, or None."""
        if version is None:
            head = await self._table.get(tenant, f"head|{name}")
            if head is None:
                return None
            version = int(head["latest"])
        row = await self._table.get(tenant, _version_key(name, version))
        return _version(name, row, await self._texts.recall(row)) if row else None

    async def latest(self, tenant: str, name: str) -> int | None:
        """The number of the latest version, or None."""
        head = await self._table.get(tenant, f"head|{name}")
        return int(head["latest"]) if head else None

    async def heads(self, tenant: str, after: str | None, limit: int) -> AsyncIterator[Head]:
        """The latest version of each name above `after`, in order of names."""
        start = f"head|{after}" if after else None
        async for row in self._table.query(tenant, prefix="head|", after=start, limit=limit):
            yield Head(row.key.partition("|")[2], int(row["latest"]), etag_of(row["digest"]), row["updatedAt"])

    async def versions(self, tenant: str, name: str, after: int, limit: int) -> AsyncIterator[Version]:
        """The versions of a name above `after`, in order, without their documents."""
        start = _version_key(name, after)
        async for row in self._table.query(tenant, prefix=f"version|{name}|", after=start, limit=limit):
            yield _version(name, row, None)

    async def _known_version(self, tenant: str, name: str, digest: str, head: Row | None) -> int | None:
        if head is None:
            return None
        if head["digest"] == digest:
            return int(head["latest"])
        if not self._reuse_any_version:
            return None
        row = await self._table.get(tenant, f"digest|{name}|{digest}")
        return int(row["version"]) if row else None

    async def _add(
        self, tenant: str, name: str, number: int, digest: str, columns: dict[str, str], head: Row | None
    ) -> Version:
        now, author = datetime.now(UTC), context.principal().subject
        row = {"version": number, "digest": digest, "createdAt": now, "createdBy": author, **columns}
        latest = {"latest": number, "digest": digest, "updatedAt": now}
        changes: list[Change] = [
            Insert(_version_key(name, number), row),
            Insert(f"head|{name}", latest) if head is None else Replace(head.key, latest, head.etag),
        ]
        if self._reuse_any_version:
            changes.append(Insert(f"digest|{name}|{digest}", {"version": number}))
        event = Event(self._event_type, name, {"name": name, "version": number, "etag": etag_of(digest)})
        await self._table.commit(tenant, changes, [event])
        return Version(name, number, etag_of(digest), now, author)


def _version_key(name: str, version: int) -> str:
    return f"version|{name}|{version:010d}"


def _version(name: str, row: Row, document: Any) -> Version:
    return Version(name, int(row["version"]), etag_of(row["digest"]), row["createdAt"], row["createdBy"], document)
