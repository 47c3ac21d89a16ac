"""Clients of a storage account: by connection string, or with the process's own identity where it has no key.

`AccountName=<name>` alone says: sign in with Microsoft Entra ID. On AKS that is the pod's workload identity
(azure-identity's DefaultAzureCredential finds its projected token); no key exists there.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar, cast
from urllib.request import getproxies

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob import UserDelegationKey
from azure.storage.blob.aio import BlobServiceClient

from chassis.errors import DependencyUnavailable

Client = TypeVar("Client")
SUFFIX = "core.windows.net"
DELEGATION_LIFETIME = timedelta(days=1)
"""How long a user delegation key is asked for; Azure allows seven days."""

TRANSPORT_OPTIONS = ("connection_timeout", "read_timeout", "connection_data_block_size")
_PROOFS = ("accountkey=", "sharedaccesssignature=", "endpoint=", "usedevelopmentstorage=")


def account_name(connection: str) -> str | None:
    """The account of a connection string without a key; None when it has one."""
    if any(proof in connection.lower() for proof in _PROOFS):
        return None
    pairs = dict(part.partition("=")[::2] for part in connection.split(";") if part)
    return pairs.get("AccountName")


def open_service(kind: type[Client], connection: str, service: str, **options: Any) -> Client:
    """A service client of the SDK; `service` is blob, queue or table."""
    name, sdk = account_name(connection), cast(Any, kind)
    options = {**options, "transport": _transport(options)}
    if name is None:
        return cast(Client, sdk.from_connection_string(connection, **options))
    address: dict[str, Any] = {
        "endpoint" if service == "table" else "account_url": f"https://{name}.{service}.{SUFFIX}"
    }
    return cast(Client, sdk(**address, credential=own_credential(), **options))


def _transport(options: dict[str, Any]) -> AioHttpTransport:
    """Connections that don't read ~/.netrc and the proxy settings anew for every request, as the SDK's own do.

    That is two hops to a thread each time; storage knows no netrc logins, and a proxy is set before a process starts.
    """
    taken = {name: options[name] for name in TRANSPORT_OPTIONS if name in options}
    return AioHttpTransport(use_env_settings=has_proxy(), **taken)


def has_proxy() -> bool:
    """Whether the environment names a proxy; NO_PROXY alone names none."""
    return bool(getproxies().keys() - {"no"})


@cache
def own_credential() -> DefaultAzureCredential:
    """The process's own identity; one for all clients, so that tokens are fetched once."""
    return DefaultAzureCredential()


async def answers(ask: Callable[[], Any]) -> None:
    """Raise when a storage service does not answer.

    An identity that may use its own tables or containers alone is refused the account's properties: that is an answer.
    """
    try:
        await ask()
    except HttpResponseError as error:
        if error.status_code != 403:
            raise


class DelegationKeys:
    """The key that signs short-lived addresses in place of the account's: one at a time, renewed when it is too old."""

    def __init__(self, service: BlobServiceClient, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._service = service
        self._now = now
        self._key: UserDelegationKey | None = None
        self._ends_at = datetime.min.replace(tzinfo=UTC)

    async def get(self, start: datetime, until: datetime) -> UserDelegationKey:
        """A key that is good from `start` to `until`. Raises DependencyUnavailable when none can be had."""
        if self._key is None or until > self._ends_at:
            ends_at = max(until, self._now() + DELEGATION_LIFETIME)
            try:
                self._key = await self._service.get_user_delegation_key(start, ends_at)
            except (ServiceRequestError, ClientAuthenticationError, HttpResponseError) as error:
                raise DependencyUnavailable("no user delegation key can be had") from error
            self._ends_at = ends_at
        return self._key
