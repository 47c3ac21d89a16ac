"""Identity's parts, put together from one runtime and opened when first used."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import cast

from chassis.runtime import Runtime
from functions.identity.authentication import ClientAuthentication
from functions.identity.client_secrets import ClientSecrets
from functions.identity.grants.client_credentials import ClientCredentials
from functions.identity.grants.token_exchange import TokenExchange
from functions.identity.issuing import Issuing
from functions.identity.keys.private import FileKeys, PrivateKeys
from functions.identity.keys.rotation import KeyRotation, Schedule
from functions.identity.keys.signing import SigningKeys
from functions.identity.keys.store import TABLE as SIGNING_KEYS
from functions.identity.keys.store import RingStore
from functions.identity.keys.vault import VaultKeys
from functions.identity.repository import (
    ASSERTIONS,
    REVOCATIONS,
    AssertionLog,
    Clients,
    Revocations,
    purge_expired,
)
from functions.identity.schemas import ServerMetadata
from functions.identity.service import TokenService
from functions.identity.tables import Table
from functions.identity.tokens import AccessTokens


class Identity:
    """The identity service over a runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._keys: SigningKeys | None = None

    @cached_property
    def clients(self) -> Clients:
        """The known clients."""
        return Clients(self.runtime.settings.clients_file)

    @cached_property
    def token_service(self) -> TokenService:
        """The OAuth endpoints' logic. Signing keys must be open before a token is made or read."""
        settings = self.runtime.settings
        metadata = self.server_metadata()
        audiences = {
            settings.issuer,
            metadata.token_endpoint,
            # Services inside reach the endpoint by its own address, not through the edge.
            f"{settings.service_url('identity')}/identity/oauth2/token",
        }
        issuing = Issuing(self._tokens, AssertionLog(self._table(ASSERTIONS)))
        return TokenService(
            ClientAuthentication(self.clients.find, ClientSecrets(), audiences),
            self._tokens,
            issuing,
            {
                "client_credentials": ClientCredentials(issuing),
                "token_exchange": TokenExchange(issuing, self.clients.find, settings.audience),
            },
            Revocations(self._table(REVOCATIONS)),
        )

    def server_metadata(self) -> ServerMetadata:
        """The discovery document, with the addresses as clients outside see them."""
        issuer = self.runtime.settings.issuer
        return ServerMetadata(
            issuer=issuer,
            token_endpoint=f"{issuer}/oauth2/token",
            jwks_uri=f"{issuer}/.well-known/jwks.json",
            introspection_endpoint=f"{issuer}/oauth2/introspect",
            revocation_endpoint=f"{issuer}/oauth2/revoke",
            scopes_supported=self.clients.scopes(),
        )

    @cached_property
    def rotation(self) -> KeyRotation:
        """The signing keys of all replicas."""
        settings = self.runtime.settings
        schedule = Schedule(
            algorithm=settings.signing_algorithm,
            every=timedelta(hours=settings.signing_key_rotation_hours),
            known_after=timedelta(seconds=settings.signing_key_known_after_s),
        )
        return KeyRotation(RingStore(self._table(SIGNING_KEYS)), self._private_keys(), schedule)

    async def keys(self) -> SigningKeys:
        """The present signing keys, made at the first start. Raises DependencyUnavailable when there are none."""
        self._keys = await self.rotation.keys()
        return self._keys

    def _private_keys(self) -> PrivateKeys:
        settings = self.runtime.settings
        if settings.key_vault_url is not None:
            return VaultKeys(settings.key_vault_url)
        return FileKeys(settings.signing_keys_dir)

    async def ready_service(self) -> TokenService:
        """The OAuth endpoints' logic with its keys open."""
        await self.keys()
        return self.token_service

    async def check_keys(self) -> None:
        """Raise when the signing keys can't be read; a check for `health/ready`."""
        await self.keys()

    async def check_clients(self) -> None:
        """Raise when the clients file can't be used; a check for `health/ready`."""
        self.clients.check()

    async def purge(self) -> int:
        """Drop used assertions and revocations that time has made harmless; returns how many."""
        now = datetime.now(UTC)
        return sum([await purge_expired(self._table(name), now) for name in (ASSERTIONS, REVOCATIONS)])

    def _tokens(self) -> AccessTokens:
        if self._keys is None:
            raise RuntimeError("open the signing keys first")
        settings = self.runtime.settings
        return AccessTokens(settings.issuer, settings.audience, self._keys)

    def _table(self, name: str) -> Table:
        return cast(Table, self.runtime.tables.table(name))
