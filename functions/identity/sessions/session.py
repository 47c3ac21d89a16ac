"""One user's session with one client, as a value: code → active → revoked.

The authorization code and every refresh token of a session lead to one row, so whatever is presented a second time
ends all that came of it (RFC 6749 section 4.1.2, RFC 9700 sections 2.2.2 and 4.14.2).
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from chassis.models import Contract
from functions.identity.directory.models import PrincipalType

CODE_LIFETIME = timedelta(seconds=60)
SESSION_LIFETIME = timedelta(hours=12)
"""After this the user signs in again, however often the session was refreshed."""
MOST_USED = 200
VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")

State = Literal["code", "active", "revoked"]
Refusal = Literal["unknown", "expired", "reused", "mismatch"]


class RefusedHandle(Exception):
    """A code or refresh token that gives nothing; `reused` and `mismatch` end the session."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def ends_session(self) -> bool:
        """Whether somebody has what he should not have."""
        return self.reason in {"reused", "mismatch"}


class Session(Contract):
    """Who signed in, through which client, and the hashes of what stands for the session now and stood before."""

    id: str
    state: State
    client_id: str
    tenant: str
    subject: str
    name: str = ""
    principals: tuple[tuple[PrincipalType, str], ...]
    roles: tuple[str, ...] = ()
    scope: str
    nonce: str | None = None
    redirect_uri: str
    code_challenge: str
    signed_in_at: datetime
    ends_at: datetime
    handle: str = Field(repr=False)
    handle_ends_at: datetime
    used: tuple[str, ...] = Field(default=(), repr=False)

    def redeemed(self, secret: str, redirect_uri: str, verifier: str, now: datetime) -> "tuple[Session, str]":
        """The active session and its first refresh secret, for a code. Raises RefusedHandle."""
        self._check(secret, "code", now)
        if redirect_uri != self.redirect_uri or not _proves(verifier, self.code_challenge):
            raise RefusedHandle("mismatch")
        return self._next(now)

    def refreshed(self, secret: str, now: datetime) -> "tuple[Session, str]":
        """The session with its next refresh secret. Raises RefusedHandle."""
        self._check(secret, "active", now)
        return self._next(now)

    def revoked(self) -> "Session":
        """The session at its end."""
        return self.model_copy(update={"state": "revoked"})

    def holds(self, secret: str) -> bool:
        """Whether the secret stands for the session, or stood for it once."""
        hashed = hash_of(secret)
        return any(hmac.compare_digest(hashed, known) for known in (self.handle, *self.used))

    def _check(self, secret: str, wanted: State, now: datetime) -> None:
        hashed = hash_of(secret)
        if any(hmac.compare_digest(hashed, former) for former in self.used):
            raise RefusedHandle("reused")
        if self.state != wanted or not hmac.compare_digest(hashed, self.handle):
            raise RefusedHandle("unknown")
        if now >= self.handle_ends_at or now >= self.ends_at:
            raise RefusedHandle("expired")

    def _next(self, now: datetime) -> "tuple[Session, str]":
        secret = new_secret()
        update = {
            "state": "active",
            "handle": hash_of(secret),
            "handle_ends_at": self.ends_at,
            "used": (*self.used, self.handle)[-MOST_USED:],
        }
        return self.model_copy(update=update), secret


def new_secret() -> str:
    """The secret part of a code or refresh token."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """What is stored of a secret; plain SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636 section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def _proves(verifier: str, challenge: str) -> bool:
    return VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(challenge_of(verifier), challenge)
