"""Client authentication: exactly one of the methods of RFC 6749 and 7523, or a token of another issuer.

A public client proves nothing: its grants bring their own proof (a code with its verifier, a refresh token, a user's
token of another issuer).
"""

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from time import time

from functions.identity.assertions import ASSERTION_TYPE, CheckedAssertion, check_assertion, claimed_client
from functions.identity.client_secrets import ClientSecrets
from functions.identity.errors import InvalidClient, OAuthError
from functions.identity.federation.issuers import Issuers, UntrustedToken, claimed
from functions.identity.forms import Form, read_basic
from functions.identity.lockout import Lockout
from functions.identity.schemas import NAME, Client

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Authenticated:
    """A client that has proved itself; an assertion counts only once it is marked as used."""

    client: Client
    assertion: CheckedAssertion | None = None


@dataclass(frozen=True)
class ClientAuthentication:
    """Checks the credentials of a request against the known clients.

    `audiences` are the values of an assertion's `aud` that mean this server; without `issuers` no other issuer's token
    is taken.
    """

    find_client: Callable[[str], Awaitable[Client | None]]
    secrets: ClientSecrets
    audiences: Collection[str]
    now: Callable[[], float] = time
    issuers: Issuers | None = None
    lockout: Lockout = field(default_factory=Lockout)

    async def authenticate(self, form: Form, authorization: str | None, address: str = "") -> Authenticated:
        """The client of a request. Raises InvalidClient, LockedOut, or OAuthError when more than one method is used."""
        methods = [authorization is not None, "client_secret" in form, "client_assertion" in form]
        if sum(methods) > 1:
            raise OAuthError("use one client authentication method")
        client_id = _claimed_id(form, authorization)
        if form.get("client_id", client_id) != client_id or not NAME.fullmatch(client_id):
            raise InvalidClient
        client = await self.find_client(client_id)
        client = None if client is None or client.disabled else client
        if authorization is not None:
            return await self._by_secret(client, client_id, read_basic(authorization)[1], address)
        if "client_secret" in form:
            return await self._by_secret(client, client_id, form["client_secret"], address)
        if client is None:
            raise InvalidClient
        if "client_assertion" in form:
            return await self._by_assertion(client, form["client_assertion"])
        if client.public:
            return Authenticated(client)
        raise InvalidClient

    async def _by_secret(self, client: Client | None, client_id: str, secret: str, address: str) -> Authenticated:
        def may_try() -> None:
            self.lockout.check(client_id, address)

        may_try()
        hashes = client.secret_hashes(self.now()) if client else ()
        for secret_hash in hashes or (None,):
            if await self.secrets.matches(secret_hash, secret, may_try):
                assert client is not None  # noqa: S101 - only a client has a hash
                self.lockout.succeeded(client_id, address)
                return Authenticated(client)
        self.lockout.failed(client_id, address)
        raise InvalidClient

    async def _by_assertion(self, client: Client, assertion: str) -> Authenticated:
        if client.federated:
            return await self._by_other_issuer(client, assertion)
        checked = check_assertion(assertion, client, self.audiences, self.now())
        return Authenticated(client, checked)

    async def _by_other_issuer(self, client: Client, assertion: str) -> Authenticated:
        try:
            told = claimed(assertion)
            for credential in client.federated:
                if self.issuers and (told.get("iss"), told.get("sub")) == (credential.issuer, credential.subject):
                    await self.issuers.claims(assertion, credential.issuer, credential.audience)
                    return Authenticated(client)
        except UntrustedToken as error:
            log.info("an assertion for %s was refused: %s", client.client_id, error)
        raise InvalidClient


def _claimed_id(form: Form, authorization: str | None) -> str:
    """The client that a request says it is from. Raises InvalidClient or OAuthError."""
    if authorization is not None:
        return read_basic(authorization)[0]
    if "client_assertion" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthError(f"client_assertion_type must be {ASSERTION_TYPE}")
        return form.get("client_id") or claimed_client(form["client_assertion"])
    if "client_id" not in form:
        raise InvalidClient
    return form["client_id"]
