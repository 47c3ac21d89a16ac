"""Token exchange (RFC 8693): another token in, a platform token out, which never carries more than the first."""

from dataclasses import dataclass
from datetime import timedelta

from functions.identity.authentication import Authenticated
from functions.identity.errors import InvalidScope, InvalidTarget, OAuthError
from functions.identity.forms import Form
from functions.identity.grants import api_key_owner
from functions.identity.issuing import Issuing
from functions.identity.repository import FindClient
from functions.identity.schemas import TokenResponse
from functions.identity.scopes import granted

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type, not a token
API_KEY_LIFETIME = timedelta(minutes=5)
"""How long a revoked API key's last token lives at most."""


@dataclass(frozen=True)
class TokenExchange:
    """The grant; `audience` is the one that our tokens are for."""

    issuing: Issuing
    find_client: FindClient
    audience: str

    async def issue(self, form: Form, caller: Authenticated) -> TokenResponse:
        """Raises an OAuthError: InvalidGrant for a bad subject token, InvalidScope, InvalidTarget."""
        self._check(form)
        if form["subject_token_type"] != api_key_owner.TOKEN_TYPE:
            raise OAuthError(f"subject_token_type must be {api_key_owner.TOKEN_TYPE}")
        holder, allowed = await api_key_owner.holder_of(form["subject_token"], caller, self.find_client)
        scope = granted(form.get("scope"), allowed)
        if not scope:
            raise InvalidScope("nothing is left that the token could carry")
        token = await self.issuing.issue(caller, holder, scope, API_KEY_LIFETIME)
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
