"""Clients of Azure Storage, one service client per connection, opened on first use."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

from funchost.connections import Service, identity_client_id, identity_endpoint, is_by_identity
from funchost.identity import default_credential

if TYPE_CHECKING:  # the SDKs cost 0.3 s to import; an app without storage bindings never pays it
    from azure.data.tables.aio import TableServiceClient
    from azure.storage.blob.aio import BlobServiceClient
    from azure.storage.queue.aio import QueueServiceClient


# The SDK's default is to read ~/.netrc and the proxy settings anew for every request, on a thread: two hops that cost
# as much as the request. The proxy settings do not change while a host runs, and storage knows no netrc logins.
def _transport() -> Any:
    from azure.core.pipeline.transport import AioHttpTransport

    # NO_PROXY alone (the key "no") names no proxy.
    return AioHttpTransport(use_env_settings=bool(getproxies().keys() - {"no"}))


_RETRY: dict[str, Any] = {"initial_backoff": 0, "increment_base": 2, "retry_total": 2, "random_jitter_range": 1}


class StorageConnections:
    """Service clients by what `connection_string` gave; `close` closes them all."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], Any] = {}

    def queues(self, connection: str) -> "QueueServiceClient":
        """The queue service; calls are retried for about 3 s."""

        def connect() -> Any:
            from azure.storage.queue.aio import QueueServiceClient

            return self._open(QueueServiceClient, connection, "queue", **_RETRY)

        client: QueueServiceClient = self._client("queue", connection, connect)
        return client

    def blobs(self, connection: str) -> "BlobServiceClient":
        """The blob service; calls are retried for about 3 s."""

        def connect() -> Any:
            from azure.storage.blob.aio import BlobServiceClient

            return self._open(BlobServiceClient, connection, "blob", **_RETRY)

        client: BlobServiceClient = self._client("blob", connection, connect)
        return client

    def tables(self, connection: str) -> "TableServiceClient":
        """The table service."""

        def connect() -> Any:
            from azure.data.tables.aio import TableServiceClient

            return self._open(TableServiceClient, connection, "table", retry_total=2)

        client: TableServiceClient = self._client("table", connection, connect)
        return client

    def _open(self, kind: Any, connection: str, service: Service, **options: Any) -> Any:
        options["transport"] = _transport()
        if is_by_identity(connection):
            return kind(identity_endpoint(connection, service), credential=self._credential(connection), **options)
        return kind.from_connection_string(connection, **options)

    def _client(self, service: str, connection: str, connect: Callable[[], Any]) -> Any:
        key = (service, connection)
        if key not in self._clients:
            self._clients[key] = connect()
        return self._clients[key]

    def _credential(self, connection: str) -> Any:
        """The credential that every service of a connection by identity shares."""
        client_id = identity_client_id(connection)
        return self._client("credential", connection, lambda: default_credential(client_id, where=connection))

    async def close(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
