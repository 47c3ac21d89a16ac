"""Definitions: put once, then read and run for ever as they were."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from chassis.errors import PlatformError
from chassis.messaging.events import Event
from chassis.storage.rows import Row, RowExists
from durable.workflow.dsl.accept import Accepted, accept
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.mistakes import DefinitionRefused, Mistake, pointer
from durable.workflow.dsl.permissions import Permissions
from durable.workflow.dsl.schemas import elsewhere, inlined
from durable.workflow.dsl.walk import Path
from durable.workflow.expressions import Evaluator
from durable.workflow.faults import Fault
from functions.workflow.errors import (
    DefinitionChanged,
    DefinitionInvalid,
    DefinitionNotFound,
    DefinitionNotSupported,
)
from functions.workflow.paging import DefinitionFilter, key_of, token_of
from functions.workflow.repository import DefinitionStore
from functions.workflow.schemas import DefinitionHead, DefinitionId, DefinitionPage, DefinitionRead
from functions.workflow.versions import Precedence


@dataclass(frozen=True)
class Frozen:
    """A stored definition, ready to run."""

    id: DefinitionId
    document: str


FetchSchema = Callable[[str, str], Awaitable[Any]]
"""Gives the JSON Schema at an address to a tenant. Raises Fault or PlatformError."""

Kept = dict[tuple[str, str], Frozen]
"""Definitions by tenant and key that this process has read."""

MOST_KEPT = 500

Announce = Callable[[str, Definition], Awaitable[None]]
"""Notes what a tenant's definition listens to. May be repeated."""

Settle = Callable[[str, str, str], Awaitable[None]]
"""Lets the schedule of (tenant, namespace, name) be that of its latest version. May be repeated."""


class Definitions:
    """The definitions of all tenants; every method names the tenant it acts for."""

    def __init__(
        self,
        store: DefinitionStore,
        evaluator: Evaluator,
        announce: Announce,
        settle: Settle,
        permissions: Permissions = Permissions(),
        kept: Kept | None = None,
        fetch_schema: FetchSchema | None = None,
    ) -> None:
        self._store = store
        self._evaluator = evaluator
        self._announce = announce
        self._settle = settle
        self._permissions = permissions
        self._kept = {} if kept is None else kept
        self._fetch_schema = fetch_schema or _no_schemas

    async def put(self, tenant: str, text: bytes) -> tuple[DefinitionId, bool]:
        """Register a definition; True when it is new, False when the same was there.

        Raises DefinitionInvalid, DefinitionNotSupported, DefinitionChanged.
        """
        try:
            accepted = await asyncio.to_thread(partial(accept, text, self._evaluator, self._permissions))
        except DefinitionRefused as refused:
            raise _refusal(refused) from None
        id, source = _id(accepted), hashlib.sha256(accepted.frozen.encode()).hexdigest()
        if elsewhere(accepted.definition):
            there = await self._store.get(tenant, _key(id))
            if there is not None and there.get("source") == source:  # its schemas stay what they were when it was put
                await self._settle(tenant, id.namespace, id.name)
                return id, False
            accepted = await self._with_schemas(tenant, accepted)
        await self._announce(tenant, accepted.definition)
        event = Event("workflow.definition.registered", _key(id), id.model_dump(mode="json"))
        values = {
            "title": accepted.definition.document.title,
            "registered_at": _now(),
            "name": id.name,
            "deprecated": False,
            "source": source,
        }
        try:
            await self._store.add(tenant, _key(id), accepted.frozen, values, event)
            is_new = True
        except RowExists:
            await self._same_or_conflict(tenant, id, accepted.frozen)
            is_new = False
        await self._settle(tenant, id.namespace, id.name)  # again when it was there: a crash may have come between
        return id, is_new

    async def _with_schemas(self, tenant: str, accepted: Accepted) -> Accepted:
        """The definition with the schemas that lie elsewhere, as they are now. Raises DefinitionInvalid."""
        found: dict[Path, Any] = {}
        mistakes = []
        for path, uri in elsewhere(accepted.definition).items():
            try:
                found[path] = await self._fetch_schema(tenant, uri)
            except Fault as fault:
                mistakes.append(Mistake(pointer(*path, "resource"), f"no schema: {fault.error.detail or fault}"))
            except PlatformError as error:
                mistakes.append(Mistake(pointer(*path, "resource"), f"no schema: {error}"))
        try:
            if mistakes:
                raise DefinitionRefused(mistakes)
            text = json.dumps(inlined(json.loads(accepted.frozen), found), ensure_ascii=False).encode()
            return await asyncio.to_thread(partial(accept, text, self._evaluator, self._permissions))
        except DefinitionRefused as refused:
            raise _refusal(refused) from None

    async def read(self, tenant: str, id: DefinitionId) -> DefinitionRead:
        """A definition with its document. Raises DefinitionNotFound."""
        row = await self._row(tenant, id)
        document = json.loads(await self._store.document(row))
        return DefinitionRead(**_head(row).model_dump(by_alias=False), document=document)

    async def frozen(self, tenant: str, namespace: str, name: str, version: str | None) -> Frozen:
        """The definition to run: the given version, or the highest. Raises DefinitionNotFound.

        What is known of a version is not asked for again: it never changes.
        """
        row = None
        if version is None:
            row = await self._highest(tenant, namespace, name)
            version = row.key.split("!")[2]
        id = DefinitionId(namespace=namespace, name=name, version=version)
        kept = self._kept.get((tenant, _key(id)))
        if kept is None:
            kept = Frozen(id, await self._store.document(row or await self._row(tenant, id)))
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[tenant, _key(id)] = kept
        return kept

    async def page(self, tenant: str, wanted: DefinitionFilter, token: str | None, limit: int) -> DefinitionPage:
        """The definitions that fit, after the page that gave the token. Raises BadPageToken."""
        where, parameters = wanted.where()
        rows = await self._store.page(
            tenant, prefix=wanted.prefix, after=key_of(token), limit=limit, where=where, parameters=parameters
        )
        heads = [_head(row) for row in rows]
        return DefinitionPage(items=heads, next=token_of(rows[-1].key) if len(rows) == limit else None)

    async def deprecate(self, tenant: str, id: DefinitionId, *, deprecated: bool) -> DefinitionHead:
        """Mark a version as not to be chosen any more, or take that back. May be repeated. Raises DefinitionNotFound.

        It still runs when it is named with its version, and what runs goes on.
        """
        row = await self._row(tenant, id)
        if row["deprecated"] != deprecated:
            change = "deprecated" if deprecated else "restored"
            event = Event(f"workflow.definition.{change}", _key(id), id.model_dump(mode="json"))
            values = {"deprecated": deprecated, "deprecated_at": _now() if deprecated else None}
            await self._store.change(row, values, event)
        await self._settle(tenant, id.namespace, id.name)
        return _head(await self._row(tenant, id))

    async def _same_or_conflict(self, tenant: str, id: DefinitionId, frozen: str) -> None:
        row = await self._row(tenant, id)
        if row["digest"] != hashlib.sha256(frozen.encode()).hexdigest():
            raise DefinitionChanged(f"{id.namespace}/{id.name} {id.version} is another definition; give a new version")

    async def _row(self, tenant: str, id: DefinitionId) -> Row:
        row = await self._store.get(tenant, _key(id))
        if row is None:
            raise DefinitionNotFound(f"{id.namespace}/{id.name} {id.version}")
        return row

    async def _highest(self, tenant: str, namespace: str, name: str) -> Row:
        found = await self._store.page(tenant, prefix=f"{namespace}!{name}!", after=None, limit=None)
        rows = [row for row in found if not row["deprecated"]]
        if not rows:
            why = ": every version is deprecated, name the one you want" if found else ""
            raise DefinitionNotFound(f"{namespace}/{name}{why}")
        return max(rows, key=lambda row: Precedence(row.key.split("!")[2]))


async def _no_schemas(_: str, uri: str) -> Any:
    raise DefinitionNotSupported(f"no schemas are fetched here: {uri}")


def _key(id: DefinitionId) -> str:
    return f"{id.namespace}!{id.name}!{id.version}"


def _id(accepted: Accepted) -> DefinitionId:
    document = accepted.definition.document
    return DefinitionId(namespace=document.namespace, name=document.name, version=document.version)


def _head(row: Row) -> DefinitionHead:
    namespace, name, version = row.key.split("!")
    return DefinitionHead(
        namespace=namespace,
        name=name,
        version=version,
        title=row.get("title"),
        registered_at=row["registered_at"],
        deprecated_at=row.get("deprecated_at"),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _refusal(refused: DefinitionRefused) -> PlatformError:
    errors = [{"path": item.path, "reason": item.reason} for item in refused.mistakes[:100]]
    summary = "; ".join(map(str, refused.mistakes[:3]))[:2000]
    return (DefinitionNotSupported if refused.only_unsupported else DefinitionInvalid)(summary, errors=errors)
