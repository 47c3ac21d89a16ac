"""Clients of Azure Storage, one service client per connection, opened on first use."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

if TYPE_CHECKING:  # the SDKs cost 0.3 s to import; an app without storage bindings never pays it
    from azure.data.tables.aio import TableServiceClient
    from azure.storage.blob.aio import BlobServiceClient
    from azure.storage.queue.aio import QueueServiceClient


# The SDK's default is to read ~/.netrc and the proxy settings anew for every request, on a thread: two hops that cost
# as much as the request. The proxy settings do not change while a host runs, and storage knows no netrc logins.
def _transport() -> Any:
    from azure.core.pipeline.transport import AioHttpTransport

    return AioHttpTransport(use_env_settings=bool(getproxies()))


_RETRY: dict[str, Any] = {"initial_backoff": 0, "increment_base": 2, "retry_total": 2, "random_jitter_range": 1}


class StorageConnections:
    """Service clients by connection string; `close` closes them all."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], Any] = {}

    def queues(self, connection: str) -> "QueueServiceClient":
        """The queue service; calls are retried for about 3 s."""

        def connect() -> "QueueServiceClient":
            from azure.storage.queue.aio import QueueServiceClient

            return QueueServiceClient.from_connection_string(connection, transport=_transport(), **_RETRY)

        client: QueueServiceClient = self._client("queue", connection, connect)
        return client

    def blobs(self, connection: str) -> "BlobServiceClient":
        """The blob service; calls are retried for about 3 s."""

        def connect() -> "BlobServiceClient":
            from azure.storage.blob.aio import BlobServiceClient

            return BlobServiceClient.from_connection_string(connection, transport=_transport(), **_RETRY)

        client: BlobServiceClient = self._client("blob", connection, connect)
        return client

    def tables(self, connection: str) -> "TableServiceClient":
        """The table service."""

        def connect() -> "TableServiceClient":
            from azure.data.tables.aio import TableServiceClient

            return TableServiceClient.from_connection_string(connection, transport=_transport(), retry_total=2)

        client: TableServiceClient = self._client("table", connection, connect)
        return client

    def _client(self, service: str, connection: str, connect: Callable[[], Any]) -> Any:
        key = (service, connection)
        if key not in self._clients:
            self._clients[key] = connect()
        return self._clients[key]

    async def close(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
