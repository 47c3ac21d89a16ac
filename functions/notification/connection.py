"""The connection info that the host's SignalR input binding made, handed from the trigger to the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pydantic import ValidationError

from functions.notification.errors import NoConnectionInfo
from functions.notification.schemas import ConnectionInfo

_offered: ContextVar[str | None] = ContextVar("notification_connection_info", default=None)


@contextmanager
def offering(connection: str) -> Iterator[None]:
    """While the block runs, `offered()` gives this connection info."""
    token = _offered.set(connection)
    try:
        yield
    finally:
        _offered.reset(token)


def offered() -> ConnectionInfo:
    """The connection info of the present request. Raises NoConnectionInfo when the host gave none."""
    connection = _offered.get()
    if connection is None:
        raise NoConnectionInfo("no SignalR connection is set up")
    try:
        return ConnectionInfo.model_validate_json(connection)
    except ValidationError:
        raise NoConnectionInfo("the SignalR connection info can't be read") from None
