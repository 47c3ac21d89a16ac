"""Who is connected to a hub: connections, users, groups; and sending to them."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from local.signalr.protocol import text_frame

SEND_BUFFER_BYTES = 4 * 1024 * 1024
"""What may wait for one slow client before it is dropped."""


class Transport(Protocol):
    """The part of an asyncio transport that sending needs."""

    def write(self, data: bytes) -> None:
        """Send without waiting."""

    def abort(self) -> None:
        """Close at once, dropping what waits."""

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""


@dataclass(eq=False)
class Connection:
    """One client after its handshake."""

    id: str
    user_id: str | None
    transport: Transport
    heard: float = field(default_factory=time.monotonic)

    def send_frame(self, frame: bytes) -> bool:
        """Send a whole WebSocket frame; a client that can't keep up is dropped. False when it was not sent."""
        if self.transport.is_closing():
            return False
        if self.transport.get_write_buffer_size() + len(frame) > SEND_BUFFER_BYTES:
            self.transport.abort()
            return False
        self.transport.write(frame)
        return True


class Hub:
    """The connections of one hub. A user added to a group stays there for later connections, too."""

    def __init__(self) -> None:
        self.connections: dict[str, Connection] = {}
        self._users: defaultdict[str, dict[str, Connection]] = defaultdict(dict)
        self._group_users: defaultdict[str, set[str]] = defaultdict(set)
        self._group_connections: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, connection: Connection) -> None:
        """Take in a connection whose handshake is done."""
        self.connections[connection.id] = connection
        if connection.user_id is not None:
            self._users[connection.user_id][connection.id] = connection

    def remove(self, connection: Connection) -> None:
        """Forget a connection; may be repeated."""
        self.connections.pop(connection.id, None)
        for name in [name for name, members in self._group_connections.items() if connection.id in members]:
            self._group_connections[name].discard(connection.id)
        if connection.user_id is not None and connection.user_id in self._users:
            self._users[connection.user_id].pop(connection.id, None)
            if not self._users[connection.user_id]:
                del self._users[connection.user_id]

    def of_user(self, user_id: str) -> Collection[Connection]:
        """Every connection of one user."""
        return self._users[user_id].values() if user_id in self._users else ()

    def of_group(self, group: str) -> Collection[Connection]:
        """Every connection in a group, by itself or through its user, once each."""
        members = {c.id: c for user in self._group_users.get(group, ()) for c in self.of_user(user)}
        own = self._group_connections.get(group, ())
        members.update({name: self.connections[name] for name in own if name in self.connections})
        return members.values()

    def join_user(self, group: str, user_id: str) -> None:
        """Put a user, with all present and later connections, into a group."""
        self._group_users[group].add(user_id)

    def leave_user(self, group: str, user_id: str) -> None:
        """Take a user out of a group."""
        self._group_users[group].discard(user_id)

    def join_connection(self, group: str, connection_id: str) -> bool:
        """Put one connection into a group; False when there is no such connection."""
        if connection_id not in self.connections:
            return False
        self._group_connections[group].add(connection_id)
        return True

    def leave_connection(self, group: str, connection_id: str) -> None:
        """Take one connection out of a group."""
        self._group_connections[group].discard(connection_id)

    def leave_all(self, user_id: str | None = None, connection_id: str | None = None) -> None:
        """Take a user, or a connection, out of every group."""
        for users in self._group_users.values():
            users.discard(user_id or "")
        for connections in self._group_connections.values():
            connections.discard(connection_id or "")


def send(connections: Iterable[Connection], record: bytes, excluded: Collection[str] = ()) -> int:
    """Send a record to each, framed once; gives to how many it was sent."""
    frame = text_frame(record)
    return sum(connection.send_frame(frame) for connection in list(connections) if connection.id not in excluded)
