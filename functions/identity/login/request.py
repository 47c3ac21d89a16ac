"""The authorization request (RFC 6749 section 4.1.1, RFC 7636, RFC 9700), checked before anyone is asked anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from pydantic import Field

from chassis.models import Contract
from functions.identity.grants.user_tokens import OPENID
from functions.identity.repository import FindClient
from functions.identity.schemas import Client
from functions.identity.sessions.session import CHALLENGE


class BadRedirect(Exception):
    """The request names no client, or not one of its redirect URIs: its answer must not go where it says."""


class RefusedRequest(Exception):
    """The request is refused, and its client is told by a redirect."""

    def __init__(self, redirect: str) -> None:
        super().__init__("refused")
        self.redirect = redirect


class AuthorizationRequest(Contract):
    """What the client asked for."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str | None = Field(default=None, max_length=1024)
    nonce: str | None = Field(default=None, max_length=256)
    code_challenge: str


@dataclass(frozen=True)
class Reader:
    """Reads requests; `issuer` goes along with every answer (RFC 9207)."""

    find_client: FindClient
    issuer: str

    async def read(self, query: Mapping[str, str], repeated: bool) -> tuple[AuthorizationRequest, Client]:
        """The request and its client. Raises BadRedirect, or RefusedRequest when the client may be told."""
        client = await self._client(query, repeated)
        redirect_uri, state = query["redirect_uri"], query.get("state")

        def refused(error: str, why: str) -> RefusedRequest:
            return RefusedRequest(self.answer(redirect_uri, state, error=error, error_description=why))

        if state is not None and len(state) > 1024:
            raise RefusedRequest(
                self.answer(redirect_uri, None, error="invalid_request", error_description="state is too long")
            )
        if "request" in query or "request_uri" in query:
            raise refused("request_not_supported", "send the parameters themselves")
        if query.get("response_type") != "code" or query.get("response_mode", "query") != "query":
            raise refused("unsupported_response_type", "response_type is code, response_mode query")
        if "authorization_code" not in client.grants:
            raise refused("unauthorized_client", "the client may not use authorization_code")
        if query.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(query.get("code_challenge", "")):
            raise refused("invalid_request", "PKCE is needed: code_challenge with code_challenge_method S256")
        if len(query.get("nonce", "")) > 256:
            raise refused("invalid_request", "nonce is too long")
        scope = query.get("scope") or " ".join(sorted(client.scopes))
        if not set(scope.split(" ")) <= client.scopes | {OPENID}:
            raise refused("invalid_scope", "the client may not have this scope")
        asked = AuthorizationRequest(
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            scope=scope,
            state=state,
            nonce=query.get("nonce"),
            code_challenge=query["code_challenge"],
        )
        return asked, client

    def answer(self, redirect_uri: str, state: str | None, **parameters: str) -> str:
        """The address that the browser is sent back to."""
        told = {**parameters, "iss": self.issuer} | ({"state": state} if state is not None else {})
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return f"{redirect_uri}{joint}{urlencode(told)}"

    async def _client(self, query: Mapping[str, str], repeated: bool) -> Client:
        if repeated:
            raise BadRedirect("a parameter was sent more than once")
        client = await self.find_client(query.get("client_id", ""))
        # Compared letter by letter (RFC 9700 section 2.1): no prefixes, no other port, no other case.
        if client is None or client.disabled or query.get("redirect_uri") not in client.redirect_uris:
            raise BadRedirect("no such client, or not one of its redirect URIs")
        return client
