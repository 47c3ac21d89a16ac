"""Signing in, without HTTP: from the authorization request to the redirect with a code."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from functions.identity.directory.roles import Roles
from functions.identity.federation.entra import Outsider
from functions.identity.login.development import DevelopmentLogin
from functions.identity.login.entra import EntraLogin
from functions.identity.login.request import AuthorizationRequest, Reader
from functions.identity.login.tickets import Tickets
from functions.identity.schemas import Client
from functions.identity.sessions.session import CODE_LIFETIME, SESSION_LIFETIME, Session, hash_of, new_secret
from functions.identity.sessions.store import Sessions

PLATFORM_TENANT = "platform"


@dataclass(frozen=True)
class Login:
    """The parts of a sign-in; exactly one of `development` and `entra` is there, or none where no one may sign in."""

    reader: Reader
    tickets: Tickets
    sessions: Sessions
    roles: Roles
    development: DevelopmentLogin | None
    entra: EntraLogin | None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def answer(
        self, request: AuthorizationRequest, client: Client, user: Outsider, roles: tuple[str, ...] = ()
    ) -> str:
        """Where the browser goes, with a code, or with `access_denied` for a user who may do none of it."""
        access = await self.roles.access(user.tenant, user.principals, roles)
        at_home = client.tenant in (user.tenant, PLATFORM_TENANT)
        if user.kind != "user" or not at_home or not access.scopes & client.scopes & set(request.scope.split()):
            return self.reader.answer(
                request.redirect_uri,
                request.state,
                error="access_denied",
                error_description="the user's roles allow none of this",
            )
        now, secret = self.now(), new_secret()
        session = Session(
            id=uuid4().hex,
            state="code",
            client_id=client.client_id,
            tenant=user.tenant,
            subject=user.subject,
            name=user.name,
            principals=user.principals,
            roles=roles,
            scope=request.scope,
            nonce=request.nonce,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            signed_in_at=now,
            ends_at=now + SESSION_LIFETIME,
            handle=hash_of(secret),
            handle_ends_at=now + CODE_LIFETIME,
        )
        await self.sessions.add(session)
        return self.reader.answer(request.redirect_uri, request.state, code=f"{session.id}.{secret}")
