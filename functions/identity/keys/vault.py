"""Private signing keys as secrets of an Azure Key Vault, read once per process and kept in memory."""

import json
from collections.abc import Mapping
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient

from chassis.errors import DependencyUnavailable

PREFIX = "identity-signing-"
CONTENT_TYPE = "application/jwk+json"


class VaultKeys:
    """Secrets named `identity-signing-<kid>`. The pod's workload identity needs get, set and delete on secrets."""

    def __init__(self, vault_url: str, credential: AsyncTokenCredential | None = None, **options: Any) -> None:
        self._client = SecretClient(vault_url, credential or DefaultAzureCredential(), **options)

    async def load(self, kid: str) -> Mapping[str, Any] | None:
        """The private JWK of a secret."""
        try:
            found: dict[str, Any] = json.loads((await self._client.get_secret(PREFIX + kid)).value or "null")
            return found
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise DependencyUnavailable("the key vault can't be read") from error

    async def save(self, kid: str, jwk: Mapping[str, Any]) -> None:
        """Set a new secret."""
        try:
            await self._client.set_secret(PREFIX + kid, json.dumps(dict(jwk)), content_type=CONTENT_TYPE)
        except AzureError as error:
            raise DependencyUnavailable("the key vault can't be written") from error

    async def delete(self, kid: str) -> None:
        """Delete the secret (the vault keeps it for its soft-delete time)."""
        try:
            await self._client.delete_secret(PREFIX + kid)
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise DependencyUnavailable("the key vault can't be written") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
