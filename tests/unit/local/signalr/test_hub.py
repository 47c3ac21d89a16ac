"""Who gets what."""

from local.signalr.hub import SEND_BUFFER_BYTES, Connection, Hub, send
from local.signalr.protocol import PING


class FakeTransport:
    """Keeps what was written; `waiting` plays a slow client."""

    def __init__(self, waiting: int = 0) -> None:
        self.written: list[bytes] = []
        self.waiting = waiting
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closed


def _connect(hub: Hub, name: str, user: str | None = None, waiting: int = 0) -> FakeTransport:
    transport = FakeTransport(waiting)
    hub.add(Connection(name, user, transport))
    return transport


def _names(connections: object) -> set[str]:
    return {connection.id for connection in connections}  # type: ignore[attr-defined]


def test_a_user_is_reached_on_every_connection_and_nobody_else_is() -> None:
    hub = Hub()
    for name, user in (("1", "ada"), ("2", "ada"), ("3", "bob"), ("4", None)):
        _connect(hub, name, user)
    assert _names(hub.of_user("ada")) == {"1", "2"}
    assert _names(hub.of_user("nobody")) == set()


def test_a_user_of_a_group_is_reached_on_connections_made_later() -> None:
    hub = Hub()
    hub.join_user("team", "ada")
    _connect(hub, "1", "ada")
    assert _names(hub.of_group("team")) == {"1"}
    hub.leave_user("team", "ada")
    assert _names(hub.of_group("team")) == set()


def test_a_connection_that_is_in_a_group_twice_is_reached_once() -> None:
    hub = Hub()
    transport = _connect(hub, "1", "ada")
    hub.join_user("team", "ada")
    assert hub.join_connection("team", "1")
    assert send(hub.of_group("team"), PING) == 1
    assert len(transport.written) == 1


def test_a_removed_connection_is_in_nothing_any_more() -> None:
    hub = Hub()
    _connect(hub, "1", "ada")
    hub.join_connection("team", "1")
    hub.remove(hub.connections["1"])
    assert not hub.connections
    assert not hub.of_user("ada")
    assert not hub.of_group("team")
    assert not hub.join_connection("team", "1")


def test_leaving_all_groups_leaves_each() -> None:
    hub = Hub()
    _connect(hub, "1", "ada")
    hub.join_user("a", "ada")
    hub.join_user("b", "ada")
    hub.leave_all(user_id="ada")
    assert not hub.of_group("a")
    assert not hub.of_group("b")


def test_a_slow_client_is_dropped_and_does_not_hold_up_the_others() -> None:
    hub = Hub()
    slow, quick = _connect(hub, "slow", waiting=SEND_BUFFER_BYTES), _connect(hub, "quick")
    assert send(hub.connections.values(), PING) == 1
    assert slow.closed
    assert not slow.written
    assert len(quick.written) == 1


def test_a_broadcast_is_framed_once_and_spares_the_excluded() -> None:
    hub = Hub()
    first, second, third = (_connect(hub, name) for name in "123")
    assert send(hub.connections.values(), PING, excluded=["2"]) == 2
    assert first.written[0] is third.written[0]
    assert not second.written
