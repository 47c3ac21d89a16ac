"""What identity does: issues tokens to clients, says whether a token is good, revokes it."""

from collections.abc import Callable
from dataclasses import dataclass

from chassis.context import CallContext, Principal, calling
from chassis.messaging.events import Event
from functions.identity.authentication import Authenticated, ClientAuthentication
from functions.identity.errors import OAuthError, UnauthorizedClient, UnsupportedGrantType
from functions.identity.forms import Form
from functions.identity.repository import AssertionLog, Revocations
from functions.identity.schemas import Client, Introspection, TokenResponse
from functions.identity.scopes import granted
from functions.identity.tokens import LIFETIME, AccessTokens, IssuedToken

CLIENT_CREDENTIALS = "client_credentials"


@dataclass(frozen=True)
class TokenService:
    """The token, introspection and revocation endpoints, without HTTP."""

    authentication: ClientAuthentication
    tokens: Callable[[], AccessTokens]
    assertions: AssertionLog
    revocations: Revocations

    async def issue(self, form: Form, authorization: str | None) -> TokenResponse:
        """RFC 6749 section 4.4. Raises an OAuthError; then no token exists and an assertion stays usable."""
        if "grant_type" not in form:
            raise OAuthError("grant_type is missing")
        if form["grant_type"] != CLIENT_CREDENTIALS:
            raise UnsupportedGrantType(f"the grant type is {CLIENT_CREDENTIALS}")
        caller = await self.authentication.authenticate(form, authorization)
        token = self.tokens().issue(caller.client, granted(form.get("scope"), caller.client.scopes))
        await self._record(caller, [_issued(caller.client, token)])
        return TokenResponse(access_token=token.value, expires_in=int(LIFETIME.total_seconds()), scope=token.scope)

    async def introspect(self, form: Form, authorization: str | None) -> Introspection:
        """RFC 7662: the state of a token of the caller's tenant; services see every tenant's."""
        caller = await self._authenticated(form, authorization)
        claims = self.tokens().read(_token(form))
        if claims is None or not _may_see(caller, claims["tid"]):
            return Introspection(active=False)
        if await self.revocations.holds(claims["tid"], claims["jti"]):
            return Introspection(active=False)
        return Introspection(active=True, token_type="Bearer", **claims)  # noqa: S106 - a type

    async def revoke(self, form: Form, authorization: str | None) -> None:
        """RFC 7009: revoke one of the caller's own tokens; one that is not good (any more) is no error.

        Covers introspection only: edge and services check tokens by themselves, so a revoked token passes them until
        it expires (at most LIFETIME). Raises UnauthorizedClient for another client's token.
        """
        caller = await self._authenticated(form, authorization)
        claims = self.tokens().read(_token(form))
        if claims is None:
            return
        if claims["client_id"] != caller.client_id:
            raise UnauthorizedClient("the token was issued to another client")
        event = Event("identity.token.revoked", claims["jti"], {"clientId": caller.client_id})
        with calling(_context(caller)):
            await self.revocations.add(claims["tid"], claims["jti"], claims["exp"], [event])

    async def _authenticated(self, form: Form, authorization: str | None) -> Client:
        caller = await self.authentication.authenticate(form, authorization)
        if caller.assertion is not None:
            await self._record(caller, [])
        return caller.client

    async def _record(self, caller: Authenticated, events: list[Event]) -> None:
        with calling(_context(caller.client)):
            if caller.assertion is not None:
                await self.assertions.use(caller.assertion, events)
            else:
                await self.assertions.announce(caller.client, events)


def _issued(client: Client, token: IssuedToken) -> Event:
    data = {"clientId": client.client_id, "scope": token.scope, "expiresAt": token.expires_at}
    return Event("identity.token.issued", token.jti, data)


def _context(client: Client) -> CallContext:
    principal = Principal(
        subject=client.client_id,
        tenant=client.tenant,
        scopes=client.scopes,
        kind=client.kind,
        client_id=client.client_id,
    )
    return CallContext(principal)


def _may_see(client: Client, tenant: str) -> bool:
    return client.kind == "service" or client.tenant == tenant


def _token(form: Form) -> str:
    if "token" not in form:
        raise OAuthError("token is missing")
    return form["token"]
