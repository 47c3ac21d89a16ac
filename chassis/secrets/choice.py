"""Which secret store the settings name."""

from chassis.secrets.file import FileSecrets
from chassis.secrets.store import SecretStore
from chassis.settings import Settings


def secret_store(settings: Settings) -> SecretStore:
    """Key Vault when its address is set, with the process's own identity; else the file."""
    if settings.key_vault_url is None:
        return FileSecrets(settings.secrets_file)
    from azure.identity.aio import DefaultAzureCredential

    from chassis.secrets.key_vault import KeyVaultSecrets

    return KeyVaultSecrets(settings.key_vault_url, DefaultAzureCredential())
