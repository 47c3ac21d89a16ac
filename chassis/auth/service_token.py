"""A service's own access token, had from identity with a signed assertion (RFC 7523) instead of a secret."""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time
from uuid import uuid4

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from chassis.errors import DependencyUnavailable, Unauthorized

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant type, not a token
ASSERTION_LIFETIME_S = 60
REFRESH_AHEAD_S = 120
"""A token is renewed when it has less than this left."""


@dataclass(frozen=True)
class ObtainedToken:
    """An access token and when it ends (`monotonic` seconds)."""

    value: str = field(repr=False)
    ends_at: float


class ServiceToken:
    """The token of one service, cached and renewed ahead of its end. Safe for several threads."""

    def __init__(self, service: str, key_file: Path, token_url: str, issuer: str) -> None:
        self.client_id = f"svc-{service}"
        self._key_file = key_file
        self._token_url = token_url
        self._issuer = issuer
        self._token = ""
        self._ends_at = 0.0
        self._lock = threading.Lock()

    async def get(self) -> str:
        """The token. Raises DependencyUnavailable when identity can't be reached or refuses."""
        return self._token if self._fresh() else await asyncio.to_thread(self.get_now)

    def get_now(self) -> str:
        """The same, blocking: for threads outside the event loop."""
        with self._lock:
            if not self._fresh():
                self._fetch()
            return self._token

    def forget(self) -> None:
        """Drop the cached token: a receiver has refused it."""
        self._ends_at = 0.0

    def _fresh(self) -> bool:
        return monotonic() < self._ends_at - REFRESH_AHEAD_S

    async def exchange(self, subject_token: str, subject_token_type: str) -> ObtainedToken:
        """A token that speaks for another (RFC 8693), asked for with this service's own proof. Not cached.

        Raises Unauthorized when identity refuses the subject, DependencyUnavailable as `get` does.
        """
        form = {"grant_type": TOKEN_EXCHANGE, "subject_token": subject_token, "subject_token_type": subject_token_type}
        return await asyncio.to_thread(self._ask, form)

    def _fetch(self) -> None:
        obtained = self._ask({"grant_type": "client_credentials"})
        self._token, self._ends_at = obtained.value, obtained.ends_at

    def _ask(self, form: dict[str, str]) -> ObtainedToken:
        proof = {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
        }
        try:
            response = requests.post(self._token_url, data=form | proof, timeout=5)
            body = response.json()
        except (requests.RequestException, ValueError) as error:
            raise DependencyUnavailable("identity can't be reached for a service token") from error
        if response.status_code == 400 and body.get("error") in {"invalid_grant", "invalid_scope"}:
            raise Unauthorized(str(body.get("error_description", "identity refused the subject")))
        if response.status_code != 200:
            raise DependencyUnavailable(f"identity refused {self.client_id}: {body.get('error', response.status_code)}")
        return ObtainedToken(body["access_token"], monotonic() + float(body.get("expires_in", 300)))

    def _assertion(self) -> str:
        try:
            key = ECKey.import_key(json.loads(self._key_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, JoseError) as error:
            raise DependencyUnavailable(f"{self.client_id} has no usable key file") from error
        now = int(time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self._issuer,
            "iat": now,
            "exp": now + ASSERTION_LIFETIME_S,
            "jti": uuid4().hex,
        }
        return jwt.encode({"alg": "ES256", "kid": key.thumbprint()}, claims, key, algorithms=["ES256"])


class BearerAuth(requests.auth.AuthBase):
    """Puts the service's present token on each request of a `requests` session."""

    def __init__(self, token: ServiceToken) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one request."""
        request.headers["Authorization"] = f"Bearer {self._token.get_now()}"
        return request
