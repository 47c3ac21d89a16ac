"""Identity's parts, put together from one runtime and opened when first used."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import cast

from chassis.messaging.announcer import Announcer
from chassis.outgoing.addresses import Guard
from chassis.outgoing.client import OutgoingClient
from chassis.runtime import Runtime
from functions.identity.authentication import ClientAuthentication
from functions.identity.client_secrets import ClientSecrets
from functions.identity.directory.administrators import Administrators
from functions.identity.directory.catalogue import grantable_scopes
from functions.identity.directory.clients import ClientRegistry
from functions.identity.directory.documents import TABLE as DIRECTORY
from functions.identity.directory.documents import Documents
from functions.identity.directory.models import Assignment, RegisteredClient, Role
from functions.identity.directory.roles import Roles
from functions.identity.federation.entra import Entra
from functions.identity.federation.issuers import Issuers
from functions.identity.grants.client_credentials import ClientCredentials
from functions.identity.grants.token_exchange import TokenExchange
from functions.identity.grants.user_tokens import AuthorizationCode, RefreshToken, UserTokens
from functions.identity.issuing import Issuing
from functions.identity.keys.private import FileKeys, PrivateKeys
from functions.identity.keys.rotation import KeyRotation, Schedule
from functions.identity.keys.signing import SigningKeys
from functions.identity.keys.store import TABLE as SIGNING_KEYS
from functions.identity.keys.store import RingStore
from functions.identity.keys.vault import VaultKeys
from functions.identity.lockout import Lockout
from functions.identity.login.development import DevelopmentLogin
from functions.identity.login.entra import EntraLogin
from functions.identity.login.request import Reader
from functions.identity.login.service import Login
from functions.identity.login.tickets import Tickets
from functions.identity.repository import (
    ASSERTIONS,
    ISSUED,
    REVOCATIONS,
    AssertionLog,
    Clients,
    Revocations,
    purge_expired,
)
from functions.identity.schemas import ServerMetadata
from functions.identity.service import TokenService
from functions.identity.sessions.store import TABLE as SESSIONS
from functions.identity.sessions.store import Sessions
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
    def roles(self) -> Roles:
        """Roles and assignments of all tenants."""
        table = self._table(DIRECTORY)
        grantable = grantable_scopes(self.runtime.settings.manifests_dir)
        return Roles(Documents(table, "role", Role), Documents(table, "assignment", Assignment), grantable)

    @cached_property
    def administrators(self) -> Administrators:
        """The administrators of all tenants, for operators."""
        return Administrators(self.roles, self._tenants)

    @cached_property
    def registry(self) -> ClientRegistry:
        """All clients, those of the file and those that tenants registered."""
        documents = Documents(self._table(DIRECTORY), "client", RegisteredClient)
        return ClientRegistry(self.clients, documents, self.secrets, self.roles, self._tenants)

    @cached_property
    def sessions(self) -> Sessions:
        """Users' sessions."""
        return Sessions(self._table(SESSIONS))

    @cached_property
    def lockout(self) -> Lockout:
        """Who has to wait after failures."""
        return Lockout()

    @cached_property
    def login(self) -> Login:
        """The authorization endpoint's logic. Signing keys must be open before it is used."""
        settings = self.runtime.settings
        entra = self._entra(settings.entra_client_id)
        development = DevelopmentLogin(settings.users_file, self.secrets, self.lockout)
        return Login(
            Reader(self.registry.find, settings.issuer),
            Tickets(self._tokens),
            self.sessions,
            self.roles,
            development if settings.development_login and entra is None else None,
            self._entra_login(entra) if entra is not None else None,
        )

    @cached_property
    def secrets(self) -> ClientSecrets:
        """Hashes and checks secrets."""
        return ClientSecrets()

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
        issuing = Issuing(self._tokens, AssertionLog(self._table(ASSERTIONS)), self._announcer.announce)
        users = UserTokens(issuing, self.sessions, self.roles, settings.issuer, self._tenants)
        revocations = Revocations(self._table(REVOCATIONS))
        return TokenService(
            ClientAuthentication(
                self.registry.find, self.secrets, audiences, issuers=self.issuers, lockout=self.lockout
            ),
            self._tokens,
            issuing,
            {
                "client_credentials": ClientCredentials(issuing, self.roles),
                "token_exchange": self._exchange(issuing, revocations),
                "authorization_code": AuthorizationCode(users),
                "refresh_token": RefreshToken(users),
            },
            revocations,
            self.sessions,
        )

    @cached_property
    def issuers(self) -> Issuers:
        """Other issuers, asked for their keys."""
        private = self.runtime.settings.federation_allow_private
        return Issuers(self._outgoing, plain_http=private)

    @cached_property
    def _outgoing(self) -> OutgoingClient:
        return OutgoingClient(Guard(allow_private=self.runtime.settings.federation_allow_private))

    def _tenants(self) -> frozenset[str]:
        return self.clients.tenants() | frozenset(self.runtime.settings.entra_tenants.values())

    def _entra(self, audience: str | None) -> Entra | None:
        settings = self.runtime.settings
        if audience is None or not settings.entra_tenants:
            return None
        return Entra(self.issuers, settings.entra_authority, audience, settings.entra_tenants)

    def _entra_login(self, entra: Entra) -> EntraLogin:
        settings = self.runtime.settings
        secret = settings.entra_client_secret
        return EntraLogin(
            entra,
            self._outgoing,
            settings.entra_client_id or "",
            f"{settings.issuer}/login/callback",
            secret.get_secret_value() if secret else None,
            settings.service_account_token_file,
        )

    def _exchange(self, issuing: Issuing, revocations: Revocations) -> TokenExchange:
        settings = self.runtime.settings
        entra = self._entra(settings.entra_audience)
        return TokenExchange(
            issuing, self.registry.find, settings.audience, self.roles, revocations, self.sessions, self._tenants, entra
        )

    @cached_property
    def _announcer(self) -> Announcer:
        return Announcer(self.runtime.tables.table(ASSERTIONS), ISSUED)

    def server_metadata(self) -> ServerMetadata:
        """The discovery document, with the addresses as clients outside see them."""
        issuer = self.runtime.settings.issuer
        return ServerMetadata(
            issuer=issuer,
            authorization_endpoint=f"{issuer}/oauth2/authorize",
            token_endpoint=f"{issuer}/oauth2/token",
            jwks_uri=f"{issuer}/.well-known/jwks.json",
            introspection_endpoint=f"{issuer}/oauth2/introspect",
            revocation_endpoint=f"{issuer}/oauth2/revoke",
            scopes_supported=sorted(grantable_scopes(self.runtime.settings.manifests_dir)),
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
        """Drop used assertions, revocations and sessions that time has made harmless; returns how many."""
        now = datetime.now(UTC)
        return sum([await purge_expired(self._table(name), now) for name in (ASSERTIONS, REVOCATIONS, SESSIONS)])

    async def close(self) -> None:
        """Close the connections to other issuers."""
        await self._outgoing.close()

    def _tokens(self) -> AccessTokens:
        if self._keys is None:
            raise RuntimeError("open the signing keys first")
        settings = self.runtime.settings
        return AccessTokens(settings.issuer, settings.audience, self._keys)

    def _table(self, name: str) -> Table:
        return cast(Table, self.runtime.tables.table(name))
