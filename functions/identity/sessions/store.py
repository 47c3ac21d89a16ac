"""Sessions in their table: partition and key are the session's id, column `session` its JSON."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from chassis.context import CallContext, Principal, calling
from chassis.messaging.events import Event
from chassis.storage.rows import Insert, Replace, RowChanged
from functions.identity.sessions.session import Session
from functions.identity.tables import Table

TABLE = "sessions"
ROW = "session"
SESSION_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class StoredSession:
    """A session and the version of its row."""

    session: Session
    etag: str


class Sessions:
    """Rows stay until `expiresAt`, the session's end, also revoked ones: what is reused must be recognized."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(self, id: str) -> StoredSession | None:
        """A session, or None."""
        row = await self._table.get(id, ROW)
        return None if row is None else StoredSession(Session.model_validate_json(row["session"]), row.etag)

    async def add(self, session: Session) -> None:
        """A new session, in state `code`."""
        event = Event("identity.session.started", session.id, {"clientId": session.client_id})
        await self._commit(session, Insert(ROW, _values(session)), [event])

    async def replace(self, old: StoredSession, session: Session, events: Sequence[Event] = ()) -> None:
        """The next version. Raises RowChanged when another request was faster."""
        await self._commit(session, Replace(ROW, _values(session), old.etag), events)

    async def revoke(self, id: str, reason: str) -> None:
        """End a session; may be repeated, and one that is not there is no error."""
        while (stored := await self.get(id)) is not None and stored.session.state != "revoked":
            event = Event("identity.session.revoked", id, {"clientId": stored.session.client_id, "reason": reason})
            with suppress(RowChanged):
                await self.replace(stored, stored.session.revoked(), [event])

    async def is_revoked(self, id: str) -> bool:
        """Whether a session has ended before its time."""
        stored = await self.get(id)
        return stored is None or stored.session.state == "revoked"

    async def _commit(self, session: Session, change: Insert | Replace, events: Sequence[Event]) -> None:
        principal = Principal(session.subject, session.tenant, kind="user", client_id=session.client_id)
        with calling(CallContext(principal)):
            await self._table.commit(session.id, [change], events)


def _values(session: Session) -> dict[str, object]:
    return {"tenant": session.tenant, "session": session.model_dump_json(by_alias=True), "expiresAt": session.ends_at}
