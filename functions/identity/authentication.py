"""Client authentication: exactly one of client_secret_basic, client_secret_post and private_key_jwt."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from time import time

from functions.identity.assertions import ASSERTION_TYPE, CheckedAssertion, check_assertion, claimed_client
from functions.identity.client_secrets import ClientSecrets
from functions.identity.errors import InvalidClient, OAuthError
from functions.identity.forms import Form, read_basic
from functions.identity.schemas import Client


@dataclass(frozen=True)
class Authenticated:
    """A client that has proved itself; an assertion counts only once it is marked as used."""

    client: Client
    assertion: CheckedAssertion | None = None


@dataclass(frozen=True)
class ClientAuthentication:
    """Checks the credentials of a request against the known clients.

    `audiences` are the values of an assertion's `aud` that mean this server.
    """

    find_client: Callable[[str], Awaitable[Client | None]]
    secrets: ClientSecrets
    audiences: Collection[str]
    now: Callable[[], float] = time

    async def authenticate(self, form: Form, authorization: str | None) -> Authenticated:
        """The client of a request. Raises InvalidClient, or OAuthError when more than one method is used."""
        methods = [authorization is not None, "client_secret" in form, "client_assertion" in form]
        if sum(methods) > 1:
            raise OAuthError("use one client authentication method")
        if authorization is not None:
            return await self._by_basic(form, authorization)
        if "client_secret" in form:
            return await self._by_secret(form.get("client_id", ""), form["client_secret"])
        if "client_assertion" in form:
            return await self._by_assertion(form)
        raise InvalidClient

    async def _by_basic(self, form: Form, authorization: str) -> Authenticated:
        client_id, secret = read_basic(authorization)
        if form.get("client_id", client_id) != client_id:
            raise InvalidClient
        return await self._by_secret(client_id, secret)

    async def _by_secret(self, client_id: str, secret: str) -> Authenticated:
        client = await self._known(client_id)
        good = await self.secrets.matches(client.secret_hash if client else None, secret)
        if client is None or not good:
            raise InvalidClient
        return Authenticated(client)

    async def _by_assertion(self, form: Form) -> Authenticated:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthError(f"client_assertion_type must be {ASSERTION_TYPE}")
        assertion = form["client_assertion"]
        client = await self._known(claimed_client(assertion))
        if client is None or form.get("client_id", client.client_id) != client.client_id:
            raise InvalidClient
        checked = check_assertion(assertion, client, self.audiences, self.now())
        return Authenticated(client, checked)

    async def _known(self, client_id: str) -> Client | None:
        client = await self.find_client(client_id)
        return None if client is None or client.disabled else client
