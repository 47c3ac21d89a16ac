"""Token exchange (RFC 8693): another token in, a platform token out, which never carries more than the first."""

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from time import time

from functions.identity.authentication import Authenticated
from functions.identity.directory.roles import Roles
from functions.identity.errors import InvalidScope, InvalidSubject, InvalidTarget, OAuthError
from functions.identity.federation.entra import Entra
from functions.identity.federation.issuers import UntrustedToken
from functions.identity.forms import Form
from functions.identity.grants import api_key_owner
from functions.identity.issuing import Issuing
from functions.identity.repository import FindClient, Revocations, Tenants
from functions.identity.schemas import TokenResponse
from functions.identity.scopes import INTERNAL, granted
from functions.identity.sessions.store import Sessions
from functions.identity.tokens import LIFETIME, Holder

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type, not a token
JWT = "urn:ietf:params:oauth:token-type:jwt"
API_KEY_LIFETIME = timedelta(minutes=5)
"""How long a revoked API key's last token lives at most."""
PLATFORM_TENANT = "platform"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subject:
    """Whom the new token speaks for, and the most that it may carry and live."""

    holder: Holder
    allowed: frozenset[str]
    lifetime: timedelta = field(default=LIFETIME)


@dataclass(frozen=True)
class TokenExchange:
    """The grant; `audience` is the one that our tokens are for. Without `entra` no Entra token is taken."""

    issuing: Issuing
    find_client: FindClient
    audience: str
    roles: Roles
    revocations: Revocations
    sessions: Sessions
    tenants: Tenants
    entra: Entra | None = None

    async def issue(self, form: Form, caller: Authenticated) -> TokenResponse:
        """Raises an OAuthError: InvalidSubject for a bad subject token, InvalidScope, InvalidTarget."""
        self._check(form)
        subject = await self._subject(form["subject_token_type"], form["subject_token"], caller)
        if not subject.allowed:
            raise InvalidScope("nothing is left that the token could carry")
        scope = granted(form.get("scope"), subject.allowed)
        token = await self.issuing.issue(caller, subject.holder, scope, subject.lifetime)
        return TokenResponse(
            access_token=token.value,
            expires_in=token.lifetime_s,
            scope=token.scope,
            issued_token_type=ACCESS_TOKEN,
        )

    def _check(self, form: Form) -> None:
        for name in ("subject_token", "subject_token_type"):
            if name not in form:
                raise OAuthError(f"{name} is missing")
        if "actor_token" in form or "actor_token_type" in form:
            raise OAuthError("an actor_token is not supported: the authenticated client is the actor")
        if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            raise OAuthError(f"requested_token_type must be {ACCESS_TOKEN}")
        if form.get("audience", self.audience) != self.audience or "resource" in form:
            raise InvalidTarget(f"the audience is {self.audience}")

    async def _subject(self, kind: str, token: str, caller: Authenticated) -> Subject:
        if kind == api_key_owner.TOKEN_TYPE:
            holder, allowed = await api_key_owner.holder_of(token, caller, self.find_client, self.tenants)
            return Subject(holder, allowed, API_KEY_LIFETIME)
        if kind not in (ACCESS_TOKEN, JWT):
            raise OAuthError(f"subject_token_type must be {ACCESS_TOKEN}, {JWT} or {api_key_owner.TOKEN_TYPE}")
        claims = self.issuing.tokens().read(token)
        return await self._of_ours(claims, caller) if claims else await self._of_entra(token, caller)

    async def _of_ours(self, claims: dict[str, object], caller: Authenticated) -> Subject:
        """A platform token for one that carries less, for the same holder."""
        tenant, jti = str(claims["tid"]), str(claims["jti"])
        if tenant != caller.client.tenant or claims["kind"] == "service":
            raise InvalidSubject("the subject token is not of the client's tenant")
        session = str(claims["sid"]) if "sid" in claims else None
        ended = session is not None and await self.sessions.is_revoked(session)
        if ended or await self.revocations.holds(tenant, jti):
            raise InvalidSubject("the subject token was revoked")
        holder = Holder(
            str(claims["sub"]),
            tenant,
            "user" if claims["kind"] == "user" else "application",
            caller.client.client_id,
            actor=caller.client.client_id,
            session=session,
        )
        return Subject(holder, frozenset(str(claims["scope"]).split()) - INTERNAL, _rest(float(str(claims["exp"]))))

    async def _of_entra(self, token: str, caller: Authenticated) -> Subject:
        """An Entra ID access token for one of ours; roles say what it may carry, the client sets the limit."""
        if self.entra is None:
            raise InvalidSubject("the subject token is not good")
        try:
            outsider = await self.entra.read(token)
        except UntrustedToken as error:
            log.info("a subject token was refused: %s", error)
            raise InvalidSubject("the subject token is not good") from None
        if caller.client.tenant not in (outsider.tenant, PLATFORM_TENANT):
            raise InvalidSubject("the subject token is not of the client's tenant")
        access = await self.roles.access(outsider.tenant, outsider.principals)
        holder = Holder(outsider.subject, outsider.tenant, outsider.kind, caller.client.client_id, roles=access.roles)
        return Subject(holder, access.scopes & caller.client.scopes, _rest(outsider.expires_at))


def _rest(expires_at: float) -> timedelta:
    """As long as the subject token lives, and no longer than any of ours."""
    left = timedelta(seconds=int(expires_at - time()))
    if left <= timedelta(0):
        raise InvalidSubject("the subject token is not good")
    return min(LIFETIME, left)
