"""client_credentials (RFC 6749 section 4.4): a token for the client itself."""

from dataclasses import dataclass

from functions.identity.authentication import Authenticated
from functions.identity.directory.roles import Roles
from functions.identity.forms import Form
from functions.identity.issuing import Issuing
from functions.identity.schemas import TokenResponse
from functions.identity.scopes import granted
from functions.identity.tokens import itself


@dataclass(frozen=True)
class ClientCredentials:
    """The grant."""

    issuing: Issuing
    roles: Roles

    async def issue(self, form: Form, caller: Authenticated) -> TokenResponse:
        """Raises InvalidScope."""
        client = caller.client
        access = await self.roles.access(client.tenant, [("application", client.client_id)])
        scope = granted(form.get("scope"), client.scopes | access.scopes)
        token = await self.issuing.issue(caller, itself(client, access.roles), scope)
        return TokenResponse(access_token=token.value, expires_in=token.lifetime_s, scope=token.scope)
