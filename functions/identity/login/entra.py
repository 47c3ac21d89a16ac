"""Signing in at Microsoft Entra ID: authorization code with PKCE, state, nonce (OpenID Connect Core section 3.1)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from chassis.auth.service_token import ASSERTION_TYPE
from chassis.outgoing.client import OutgoingClient, OutgoingError, OutgoingRequest
from functions.identity.federation.entra import Entra, Outsider
from functions.identity.federation.issuers import UntrustedToken, claimed
from functions.identity.login.tickets import Browser

TIMEOUT_S, MAX_BYTES = 10.0, 262_144


class SignInFailed(Exception):
    """Entra ID did not vouch for the user; the message is for the log."""


@dataclass(frozen=True)
class EntraLogin:
    """The platform as a client of Entra ID. It proves itself by a secret, or by its pod's service-account token."""

    entra: Entra
    client: OutgoingClient
    client_id: str
    callback: str
    secret: str | None
    projected: Path | None

    async def address(self, ticket: str, browser: Browser) -> str:
        """Where the browser is sent to sign in. Raises SignInFailed when Entra ID can't be asked."""
        parameters = {
            "client_id": self.client_id,
            "response_type": "code",
            "response_mode": "query",
            "redirect_uri": self.callback,
            "scope": "openid profile",
            "state": ticket,
            "nonce": browser.nonce,
            "code_challenge": browser.challenge,
            "code_challenge_method": "S256",
        }
        return f"{await self._endpoint('authorization_endpoint')}?{urlencode(parameters)}"

    async def outsider(self, code: str, browser: Browser) -> Outsider:
        """Who has signed in, for the code that came back. Raises SignInFailed."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": browser.verifier,
            **self._proof(),
        }
        body = urlencode(form).encode()
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        request = OutgoingRequest("POST", await self._endpoint("token_endpoint"), headers, body)
        try:
            answer = await self.client.send(request, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)
            if answer.status != 200:
                raise SignInFailed(f"the token endpoint answered {answer.status}")
            id_token = str(json.loads(answer.body)["id_token"])
            outsider = await self.entra.read(id_token)
        except (OutgoingError, UntrustedToken, ValueError, KeyError, TypeError) as error:
            raise SignInFailed(f"{type(error).__name__}: {error}") from None
        if claimed(id_token).get("nonce") != browser.nonce:
            raise SignInFailed("another nonce")
        return outsider

    async def _endpoint(self, name: str) -> str:
        # With one allowed tenant users are sent straight to it; with several Entra finds out which is theirs.
        tenants = list(self.entra.tenants)
        issuer = self.entra.issuer_of(tenants[0])
        try:
            found = str((await self.entra.issuers.discovered(issuer))[name])
        except (OutgoingError, ValueError, KeyError) as error:
            raise SignInFailed(f"Entra ID can't be asked: {type(error).__name__}") from None
        return found if len(tenants) == 1 else found.replace(tenants[0], "organizations")

    def _proof(self) -> Mapping[str, str]:
        if self.projected is not None:
            return {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self.projected.read_text(encoding="ascii").strip(),
            }
        return {"client_secret": self.secret} if self.secret else {}
