"""authorization_code with PKCE (RFC 6749 section 4.1, RFC 7636) and refresh_token with rotation (RFC 9700)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.storage.rows import RowChanged
from functions.identity.authentication import Authenticated
from functions.identity.directory.roles import Roles
from functions.identity.errors import InvalidGrant, InvalidScope, OAuthError
from functions.identity.forms import Form
from functions.identity.issuing import Issuing
from functions.identity.repository import Tenants
from functions.identity.schemas import TokenResponse
from functions.identity.sessions.session import RefusedHandle, Session
from functions.identity.sessions.store import SESSION_ID, Sessions, StoredSession
from functions.identity.tokens import LIFETIME, Holder

OPENID = "openid"
_HANDLE = re.compile(rf"({SESSION_ID.pattern})\.([A-Za-z0-9_\-]{{43}})")
_REFUSED = "the code or refresh token is not good (any more)"


@dataclass(frozen=True)
class UserTokens:
    """What the two grants share: from a session's next version to the tokens."""

    issuing: Issuing
    sessions: Sessions
    roles: Roles
    issuer: str
    tenants: Tenants
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def stored(self, handle: str, caller: Authenticated) -> tuple[StoredSession, str]:
        """The session that a code or refresh token of this client leads to, and the secret. Raises InvalidGrant."""
        found = _HANDLE.fullmatch(handle)
        stored = await self.sessions.get(found[1]) if found else None
        if found is None or stored is None or stored.session.client_id != caller.client.client_id:
            raise InvalidGrant(_REFUSED)
        if stored.session.tenant not in self.tenants():
            raise InvalidGrant(_REFUSED)
        return stored, found[2]

    async def refused(self, stored: StoredSession, error: RefusedHandle) -> InvalidGrant:
        """What the client is told; whoever reuses something ends the session."""
        if error.ends_session:
            await self.sessions.revoke(stored.session.id, error.reason)
        return InvalidGrant(_REFUSED)

    async def issue(
        self, caller: Authenticated, stored: StoredSession, session: Session, secret: str, wanted: str | None
    ) -> TokenResponse:
        """The tokens of a session's next version. Raises InvalidGrant when another request was faster."""
        access = await self.roles.access(session.tenant, session.principals, session.roles)
        asked = set(session.scope.split()) if wanted is None else set(wanted.split(" "))
        if not asked <= set(session.scope.split()):
            raise InvalidScope("a refreshed token carries no more than the first")
        scope = " ".join(sorted(asked & access.scopes & caller.client.scopes))
        if not scope:
            raise InvalidGrant("the user's roles allow nothing of this any more")
        try:
            await self.sessions.replace(stored, session)
        except RowChanged:
            # Two requests with one code or refresh token: one of them is not the client's own.
            await self.sessions.revoke(session.id, "reused")
            raise InvalidGrant(_REFUSED) from None
        holder = Holder(
            session.subject, session.tenant, "user", session.client_id, roles=access.roles, session=session.id
        )
        token = await self.issuing.issue(caller, holder, scope)
        may_refresh = "refresh_token" in caller.client.grants
        return TokenResponse(
            access_token=token.value,
            expires_in=token.lifetime_s,
            scope=" ".join([OPENID, scope]) if OPENID in asked else scope,
            refresh_token=f"{session.id}.{secret}" if may_refresh else None,
            id_token=self._id_token(session) if OPENID in asked else None,
        )

    def _id_token(self, session: Session) -> str:
        now = int(self.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": session.subject,
            "aud": session.client_id,
            "tid": session.tenant,
            "iat": now,
            "exp": now + int(LIFETIME.total_seconds()),
            "auth_time": int(session.signed_in_at.timestamp()),
            "name": session.name,
        }
        if session.nonce:
            claims["nonce"] = session.nonce
        return self.issuing.tokens().sign("JWT", claims)


@dataclass(frozen=True)
class AuthorizationCode:
    """The code, once, with the verifier whose challenge it was asked for with."""

    tokens: UserTokens

    async def issue(self, form: Form, caller: Authenticated) -> TokenResponse:
        """Raises InvalidGrant; a code that comes again, or with a wrong verifier, ends what came of it."""
        for name in ("code", "redirect_uri", "code_verifier"):
            if name not in form:
                raise OAuthError(f"{name} is missing")
        stored, secret = await self.tokens.stored(form["code"], caller)
        try:
            session, refresh = stored.session.redeemed(
                secret, form["redirect_uri"], form["code_verifier"], self.tokens.now()
            )
        except RefusedHandle as error:
            raise await self.tokens.refused(stored, error) from None
        return await self.tokens.issue(caller, stored, session, refresh, None)


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token, once, for the next one. Roles are looked up anew each time."""

    tokens: UserTokens

    async def issue(self, form: Form, caller: Authenticated) -> TokenResponse:
        """Raises InvalidGrant; a refresh token that comes again ends the session."""
        if "refresh_token" not in form:
            raise OAuthError("refresh_token is missing")
        stored, secret = await self.tokens.stored(form["refresh_token"], caller)
        try:
            session, refresh = stored.session.refreshed(secret, self.tokens.now())
        except RefusedHandle as error:
            raise await self.tokens.refused(stored, error) from None
        return await self.tokens.issue(caller, stored, session, refresh, form.get("scope"))
