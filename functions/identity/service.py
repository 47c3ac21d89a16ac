"""What identity does: issues tokens by several grants, says whether a token is good, revokes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chassis.context import calling
from chassis.messaging.events import Event
from functions.identity.authentication import Authenticated, ClientAuthentication
from functions.identity.errors import InvalidClient, OAuthError, UnauthorizedClient, UnsupportedGrantType
from functions.identity.forms import Form
from functions.identity.issuing import Issuing, of_client
from functions.identity.repository import Revocations
from functions.identity.schemas import GRANT_TYPES, Client, Grant, Introspection, TokenResponse
from functions.identity.sessions.store import SESSION_ID, Sessions
from functions.identity.tokens import AccessTokens


class TokenGrant(Protocol):
    """One way to a token."""

    async def issue(self, form: Form, caller: Authenticated) -> TokenResponse:
        """The token. Raises an OAuthError; then no token exists."""
        ...


@dataclass(frozen=True)
class TokenService:
    """The token, introspection and revocation endpoints, without HTTP."""

    authentication: ClientAuthentication
    tokens: Callable[[], AccessTokens]
    issuing: Issuing
    grants: Mapping[Grant, TokenGrant]
    revocations: Revocations
    sessions: Sessions

    async def issue(self, form: Form, authorization: str | None, address: str = "") -> TokenResponse:
        """RFC 6749 section 3.2. Raises an OAuthError; then no token exists and an assertion stays usable."""
        if "grant_type" not in form:
            raise OAuthError("grant_type is missing")
        grant = GRANT_TYPES.get(form["grant_type"])
        if grant is None:
            raise UnsupportedGrantType(f"the grant types are {', '.join(GRANT_TYPES)}")
        caller = await self.authentication.authenticate(form, authorization, address)
        if grant not in caller.client.grants:
            raise UnauthorizedClient(f"the client may not use {form['grant_type']}")
        return await self.grants[grant].issue(form, caller)

    async def introspect(self, form: Form, authorization: str | None, address: str = "") -> Introspection:
        """RFC 7662: the state of a token of the caller's tenant; services see every tenant's.

        Raises InvalidClient for a public client: whoever asks must prove something, or tokens could be tried out.
        """
        caller = await self._authenticated(form, authorization, address)
        if caller.public:
            raise InvalidClient
        claims = self.tokens().read(_token(form))
        if claims is None or not _may_see(caller, claims["tid"]):
            return Introspection(active=False)
        if await self._ended(claims):
            return Introspection(active=False)
        return Introspection(active=True, token_type="Bearer", **claims)  # noqa: S106 - a type

    async def revoke(self, form: Form, authorization: str | None, address: str = "") -> None:
        """RFC 7009: revoke one of the caller's own tokens; one that is not good (any more) is no error.

        Covers introspection only: edge and services check tokens by themselves, so a revoked token passes them until
        it expires (at most LIFETIME). Raises UnauthorizedClient for another client's token.
        """
        caller = await self._authenticated(form, authorization, address)
        if await self._revoke_session(_token(form), caller):
            return
        claims = self.tokens().read(_token(form))
        if claims is None:
            return
        if claims["client_id"] != caller.client_id:
            raise UnauthorizedClient("the token was issued to another client")
        event = Event("identity.token.revoked", claims["jti"], {"clientId": caller.client_id})
        with calling(of_client(caller)):
            await self.revocations.add(claims["tid"], claims["jti"], claims["exp"], [event])

    async def _ended(self, claims: dict[str, Any]) -> bool:
        if await self.revocations.holds(claims["tid"], claims["jti"]):
            return True
        return "sid" in claims and await self.sessions.is_revoked(claims["sid"])

    async def _revoke_session(self, token: str, caller: Client) -> bool:
        """Whether the token is a refresh token; its session ends when it is the caller's."""
        id, _, secret = token.partition(".")
        stored = await self.sessions.get(id) if SESSION_ID.fullmatch(id) else None
        if stored is None or not stored.session.holds(secret):
            return False
        if stored.session.client_id != caller.client_id:
            raise UnauthorizedClient("the token was issued to another client")
        await self.sessions.revoke(id, "revoked by the client")
        return True

    async def _authenticated(self, form: Form, authorization: str | None, address: str = "") -> Client:
        caller = await self.authentication.authenticate(form, authorization, address)
        await self.issuing.use_up(caller)
        return caller.client


def _may_see(client: Client, tenant: str) -> bool:
    return client.kind == "service" or client.tenant == tenant


def _token(form: Form) -> str:
    if "token" not in form:
        raise OAuthError("token is missing")
    return form["token"]
