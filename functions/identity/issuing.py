"""The last step of every grant: sign the token, and store that it was issued before anyone has it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from chassis.context import CallContext, Principal, calling
from chassis.messaging.events import Event
from functions.identity.authentication import Authenticated
from functions.identity.repository import AssertionLog
from functions.identity.schemas import Client
from functions.identity.tokens import LIFETIME, AccessTokens, Holder, IssuedToken


@dataclass(frozen=True)
class Issuing:
    """Makes tokens; each is announced in its holder's tenant. `announce` returns when an event is stored."""

    tokens: Callable[[], AccessTokens]
    assertions: AssertionLog
    announce: Callable[[Event], Awaitable[None]]

    async def issue(
        self, caller: Authenticated, holder: Holder, scope: str, lifetime: timedelta = LIFETIME
    ) -> IssuedToken:
        """A token. Raises InvalidClient for an assertion that was used before; then nothing is announced."""
        token = self.tokens().issue(holder, scope, lifetime)
        data = {"clientId": holder.client_id, "scope": token.scope, "expiresAt": token.expires_at}
        if holder.actor:
            data["actor"] = holder.actor
        with calling(context_of(holder)):
            # In this order: of a replay no token is told, and of a crash in between none is given.
            await self.use_up(caller)
            await self.announce(Event("identity.token.issued", token.jti, data))
        return token

    async def use_up(self, caller: Authenticated) -> None:
        """Mark the caller's assertion, where there is one, as used. Raises InvalidClient for a replay."""
        if caller.assertion is not None:
            await self.assertions.use(caller.assertion)


def context_of(holder: Holder) -> CallContext:
    """The call context in which what this holder causes is announced."""
    return CallContext(Principal(holder.subject, holder.tenant, kind=holder.kind, client_id=holder.client_id))


def of_client(client: Client) -> CallContext:
    """The call context of a client that acts for itself."""
    return CallContext(
        Principal(client.client_id, client.tenant, client.scopes, kind=client.kind, client_id=client.client_id)
    )
