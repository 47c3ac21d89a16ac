"""What a sign-in must remember between its steps: in a signed ticket, bound to the browser by a cookie.

Nothing is stored here: a ticket is a JWT of a type and audience of its own, good for ten minutes, and counts only
together with the secret in the browser's cookie, whose hash it carries.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_urlsafe
from time import time
from typing import Any

from functions.identity.login.request import AuthorizationRequest
from functions.identity.sessions.session import challenge_of
from functions.identity.tokens import AccessTokens

TYPE, AUDIENCE = "login+jwt", "urn:platform:login"
LIFETIME_S = 600
COOKIE = "platform-login"


class BadTicket(Exception):
    """The ticket is not ours, too old, or of another browser."""


@dataclass(frozen=True)
class Browser:
    """The secret in the browser's cookie, and what is derived from it."""

    secret: str

    @property
    def mark(self) -> str:
        """What the ticket carries of it."""
        return hashlib.sha256(f"mark {self.secret}".encode()).hexdigest()

    @property
    def verifier(self) -> str:
        """The PKCE verifier towards Entra ID."""
        return hashlib.sha256(f"verifier {self.secret}".encode()).hexdigest()

    @property
    def challenge(self) -> str:
        """Its challenge."""
        return challenge_of(self.verifier)

    @property
    def nonce(self) -> str:
        """The nonce towards Entra ID."""
        return hashlib.sha256(f"nonce {self.secret}".encode()).hexdigest()


def new_browser() -> Browser:
    """A browser that begins to sign in."""
    return Browser(token_urlsafe(32))


@dataclass(frozen=True)
class Tickets:
    """Makes and reads tickets, with the keys that sign tokens."""

    tokens: Callable[[], AccessTokens]
    now: Callable[[], float] = time

    def issue(self, request: AuthorizationRequest, browser: Browser) -> str:
        """A ticket."""
        told: dict[str, Any] = {
            "iss": self.tokens().issuer,
            "aud": AUDIENCE,
            "exp": int(self.now()) + LIFETIME_S,
            "browser": browser.mark,
            "request": request.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        return self.tokens().sign(TYPE, told)

    def read(self, ticket: str, browser: Browser | None) -> AuthorizationRequest:
        """The request of a ticket. Raises BadTicket."""
        claims = self.tokens().read(ticket, TYPE)
        if claims is None or browser is None or claims.get("aud") != AUDIENCE:
            raise BadTicket
        if not hmac.compare_digest(str(claims.get("browser")), browser.mark):
            raise BadTicket
        return AuthorizationRequest.model_validate(claims["request"])
