"""Azure credentials without a secret in the settings: what DefaultAzureCredential finds where the host runs."""

from typing import TYPE_CHECKING

from funchost.errors import HostError

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential


def default_credential(client_id: str | None = None, *, where: str) -> "DefaultAzureCredential":
    """The credential of this process; `client_id` names a user-assigned managed identity or a workload identity.

    Raises HostError when azure-identity is not installed.
    """
    try:
        from azure.identity.aio import DefaultAzureCredential
    except ImportError:
        remedy = "pip install azure-identity, or set a connection string instead."
        raise HostError("A connection by identity needs azure-identity", where=where, remedy=remedy) from None
    if client_id is None:
        return DefaultAzureCredential()
    return DefaultAzureCredential(managed_identity_client_id=client_id, workload_identity_client_id=client_id)


async def token_for(resource: str) -> str:
    """An access token of this process for an Azure resource (`https://management.azure.com/`).

    Raises HostError when azure-identity is not installed, azure.core's ClientAuthenticationError when there is none.
    """
    scope = resource if resource.endswith("/.default") else f"{resource.rstrip('/')}/.default"
    async with default_credential(where=f"a token for {resource}") as credential:
        return (await credential.get_token(scope)).token
