"""The authorization request (RFC 6749 section 4.1.1, RFC 7636, RFC 9700), checked before anyone is asked anything."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from pydantic import Field

from chassis.models import Contract
from functions.identity.grants.user_tokens import OPENID
from functions.identity.operators import OPERATORS
from functions.identity.repository import FindClient
from functions.identity.schemas import Client
from functions.identity.sessions.session import CHALLENGE

MOST_STATE, MOST_NONCE = 1024, 256
"""Characters."""


class BadRedirect(Exception):
    """The request names no client, or not one of its redirect URIs: its answer must not go where it says."""


class RefusedRequest(Exception):
    """The request is refused, and its client is told by a redirect.

    Before the user has signed in he is sent on at once only to an address that the operators have set (`at_once`): a
    link that leads here would else lead wherever a tenant wants (RFC 9700 section 4.11.2).
    """

    def __init__(self, redirect: str, *, at_once: bool) -> None:
        super().__init__("refused")
        self.redirect, self.at_once = redirect, at_once


class AuthorizationRequest(Contract):
    """What the client asked for."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str | None = Field(default=None, max_length=MOST_STATE)
    nonce: str | None = Field(default=None, max_length=MOST_NONCE)
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
        if (mistake := next(_mistakes(query, client), None)) is not None:
            error, why = mistake
            kept = None if state is not None and len(state) > MOST_STATE else state
            told = self.answer(redirect_uri, kept, error=error, error_description=why)
            raise RefusedRequest(told, at_once=client.tenant == OPERATORS)
        asked = AuthorizationRequest(
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            scope=_scope(query, client),
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


def _mistakes(query: Mapping[str, str], client: Client) -> Iterator[tuple[str, str]]:
    """What is wrong: the code that the standards have for it, and words."""
    if len(query.get("state", "")) > MOST_STATE:
        yield "invalid_request", "state is too long"
    for name in {"request", "request_uri"} & query.keys():
        yield f"{name}_not_supported", "send the parameters themselves"
    if "response_type" not in query or query.get("response_mode", "query") != "query":
        yield "invalid_request", "response_type is code, response_mode query"
    elif query["response_type"] != "code":
        yield "unsupported_response_type", "response_type is code"
    if "authorization_code" not in client.grants:
        yield "unauthorized_client", "the client may not use authorization_code"
    if query.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(query.get("code_challenge", "")):
        yield "invalid_request", "PKCE is needed: code_challenge with code_challenge_method S256"
    if len(query.get("nonce", "")) > MOST_NONCE:
        yield "invalid_request", "nonce is too long"
    if not set(_scope(query, client).split(" ")) <= client.scopes | {OPENID}:
        yield "invalid_scope", "the client may not have this scope"
    if "none" in query.get("prompt", "").split():
        yield "login_required", "users are always asked to sign in"


def _scope(query: Mapping[str, str], client: Client) -> str:
    return query.get("scope") or " ".join(sorted(client.scopes))
