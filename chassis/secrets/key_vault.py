"""Secrets in Azure Key Vault, reached with the process's own identity."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.secrets.aio import SecretClient

from chassis.errors import DependencyUnavailable
from chassis.secrets.store import SecretNotFound, SecretStore

TENANT_TAG, NAME_TAG = "platform-tenant", "platform-name"


class KeyVaultSecrets(SecretStore):
    """One vault for all tenants. Its own names take letters, digits and dashes only, so each is a digest of tenant and
    name; both stand in tags.

    Deleting is soft: the vault keeps what was deleted for its retention time, and `put` recovers it first.
    """

    def __init__(self, url: str, credential: AsyncTokenCredential, **options: Any) -> None:
        self._client = SecretClient(url, credential, **options)

    async def get(self, tenant: str, name: str) -> Any:
        """The secret's value. Raises SecretNotFound."""
        async with _reached():
            try:
                found = await self._client.get_secret(vault_name(tenant, name))
            except ResourceNotFoundError:
                raise SecretNotFound(name) from None
        return json.loads(found.value or "null")

    async def put(self, tenant: str, name: str, value: Any) -> None:
        """Keep the value."""
        id, text = vault_name(tenant, name), json.dumps(value, ensure_ascii=False)
        tags = {TENANT_TAG: tenant, NAME_TAG: name}
        async with _reached():
            try:
                await self._client.set_secret(id, text, tags=tags)
            except ResourceExistsError:  # it was deleted and is kept: 409 until it is recovered
                await self._client.recover_deleted_secret(id)
                await self._client.set_secret(id, text, tags=tags)

    async def delete(self, tenant: str, name: str) -> None:
        """Forget the secret."""
        async with _reached():
            try:
                await self._client.delete_secret(vault_name(tenant, name))
            except ResourceNotFoundError:
                return

    async def names(self, tenant: str) -> list[str]:
        """The tenant's names, sorted."""
        async with _reached():
            found = [item.tags or {} async for item in self._client.list_properties_of_secrets()]
        return sorted(tags[NAME_TAG] for tags in found if tags.get(TENANT_TAG) == tenant and NAME_TAG in tags)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def vault_name(tenant: str, name: str) -> str:
    """The vault's name of a tenant's secret: at most 127 letters, digits and dashes."""
    return "platform-" + hashlib.sha256(f"{tenant}\n{name}".encode()).hexdigest()


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    try:
        yield
    except AzureError as error:
        raise DependencyUnavailable(f"the secret store failed: {type(error).__name__}") from None
