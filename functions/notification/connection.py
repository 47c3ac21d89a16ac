"""The connection info that the host's SignalR input binding made, handed from the trigger to the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pydantic import ValidationError

from chassis.context import Principal
from functions.notification.channels.push import TENANT_END
from functions.notification.errors import NoConnectionInfo, NotYourConnection
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


def check_own_connection(caller: Principal, tenant: str | None, user: str | None) -> None:
    """Raise NotYourConnection unless `tenant` and `user`, for whom the connection was made, are those of the token.

    A service gets none: whom it speaks for stands in headers, not in its token.
    """
    own = (tenant, user) == (caller.tenant, caller.subject)
    if not own or caller.kind == "service" or TENANT_END in caller.tenant:
        raise NotYourConnection("the connection would be another user's")


def offered() -> ConnectionInfo:
    """The connection info of the present request. Raises NoConnectionInfo when the host gave none."""
    connection = _offered.get()
    if connection is None:
        raise NoConnectionInfo("no SignalR connection is set up")
    try:
        return ConnectionInfo.model_validate_json(connection)
    except ValidationError:
        raise NoConnectionInfo("the SignalR connection info can't be read") from None
