"""What identity keeps: the clients (a file), used assertions and revoked tokens (tables)."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from chassis.messaging.events import Event
from chassis.storage.rows import Insert, RowExists
from functions.identity.assertions import LEEWAY_S, CheckedAssertion
from functions.identity.errors import InvalidClient
from functions.identity.schemas import Client
from functions.identity.tables import Table

log = logging.getLogger(__name__)
ASSERTIONS = "assertions"
REVOCATIONS = "revocations"
ISSUED = "issued"
"""The partition of `assertions` in which issued tokens are announced; the others have `|` in their names."""
Tenants = Callable[[], frozenset[str]]
"""Those that the settings name; to whom is in no other, nothing is issued."""
FindClient = Callable[[str], Awaitable[Client | None]]
_clients_file: TypeAdapter[list[Client]] = TypeAdapter(list[Client])


class ClientsUnreadable(Exception):
    """The clients file was never readable."""


class Clients:
    """The clients of a JSON file, read again when the file changes; a file that can't be read changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._by_id: dict[str, Client] | None = None

    async def find(self, client_id: str) -> Client | None:
        """The client, or None."""
        return self._current().get(client_id)

    def tenants(self) -> frozenset[str]:
        """The tenants that have a client here."""
        return frozenset(client.tenant for client in self._current().values())

    def check(self) -> None:
        """Raises ClientsUnreadable when no good file was ever read."""
        self._current()
        if self._by_id is None:
            raise ClientsUnreadable(f"{self._path.name} can't be used")

    def _current(self) -> dict[str, Client]:
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                self._stamp = stamp
                self._by_id = _read_clients(self._path)
        except (OSError, ValueError) as error:
            # A ValidationError's own text would quote the file, and with it hashes.
            log.error("the clients file can't be used: %s", _mistakes(error))
        return self._by_id or {}


class AssertionLog:
    """Assertions that were used: partition tenant and client, key `jti:<jti>`, kept until they have expired."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def use(self, assertion: CheckedAssertion) -> None:
        """Mark an assertion as used. Raises InvalidClient when it was used before."""
        client = assertion.client
        # The prefix keeps a jti, which a client chooses, apart from the outbox's row keys.
        row = Insert(f"jti:{assertion.jti}", {"expiresAt": _time(assertion.expires_at + LEEWAY_S)})
        try:
            await self._table.commit(f"{client.tenant}|{client.client_id}", [row])
        except RowExists:
            raise InvalidClient from None


class Revocations:
    """Revoked access tokens: partition tenant, key `jti`, kept until the token has expired."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add(self, tenant: str, jti: str, expires_at: int, events: Sequence[Event]) -> None:
        """Revoke a token and announce it; may be repeated, then nothing is announced."""
        try:
            await self._table.commit(tenant, [Insert(jti, {"expiresAt": _time(expires_at)})], events)
        except RowExists:
            return

    async def holds(self, tenant: str, jti: str) -> bool:
        """Whether the token was revoked."""
        return await self._table.get(tenant, jti) is not None


async def purge_expired(table: Table, now: datetime) -> int:
    """Delete the rows whose `expiresAt` has passed; returns how many. May be repeated."""
    purged = 0
    async for row in table.query(where="expiresAt lt @now", parameters={"now": now}):
        await table.delete(row.partition, row.key)
        purged += 1
    return purged


def _read_clients(path: Path) -> dict[str, Client]:
    clients = _clients_file.validate_json(path.read_bytes())
    by_id = {client.client_id: client for client in clients}
    if len(by_id) != len(clients):
        raise ValueError("a clientId is there twice")
    return by_id


def _mistakes(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
    return str(error)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
