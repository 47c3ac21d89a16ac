"""The port of secret stores."""

from abc import ABC, abstractmethod
from typing import Any


class SecretStore(ABC):
    """Secrets of all tenants by name; a value is any JSON value. Every method may be repeated.

    Raises DependencyUnavailable when the store can't be reached.
    """

    @abstractmethod
    async def get(self, tenant: str, name: str) -> Any:
        """The secret's value. Raises SecretNotFound."""

    @abstractmethod
    async def put(self, tenant: str, name: str, value: Any) -> None:
        """Keep the value, in place of the one there was."""

    @abstractmethod
    async def delete(self, tenant: str, name: str) -> None:
        """Forget the secret, if there is one."""

    @abstractmethod
    async def names(self, tenant: str) -> list[str]:
        """The names of the tenant's secrets, sorted."""

    async def close(self) -> None:
        """Close connections, if there are any."""
        return


class SecretNotFound(LookupError):
    """The tenant has no secret of that name."""
