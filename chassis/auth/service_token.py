"""A service's own access token, had from identity with a signed assertion (RFC 7523) instead of a secret."""

import asyncio
import json
import logging
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
SUBJECT_REFUSED = frozenset({"invalid_request", "invalid_grant", "invalid_scope"})
"""What identity says of a subject token that is not good (RFC 8693 section 2.2.2), or allows nothing."""
ASSERTION_LIFETIME_S = 60
REFRESH_AHEAD_S = 120
"""A token is renewed when it has less than this left."""
LAST_MOMENT_S = 10
"""A token with less than this left is not used any more: it might end on its way."""
RENEW_AGAIN_S = 5
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ObtainedToken:
    """An access token and when it ends (`monotonic` seconds)."""

    value: str = field(repr=False)
    ends_at: float


class ServiceToken:
    """The token of one service, cached and renewed ahead of its end. Safe for several threads.

    The service proves itself by an assertion signed with its own key, or where `projected` is given by the Kubernetes
    service-account token in that file.
    """

    def __init__(
        self, service: str, key_file: Path, token_url: str, issuer: str, projected: Path | None = None
    ) -> None:
        self._projected = projected
        self.client_id = f"svc-{service}"
        self._key_file = key_file
        self._token_url = token_url
        self._issuer = issuer
        self._token = ""
        self._ends_at = 0.0
        self._renewing_since = float("-inf")
        self._lock = threading.Lock()

    async def get(self) -> str:
        """The token; one near its end is still given while another is fetched behind it.

        Raises DependencyUnavailable when there is none and identity can't be reached or refuses.
        """
        if self._left_s() > REFRESH_AHEAD_S:
            return self._token
        if self._left_s() > LAST_MOMENT_S:
            self._renew_behind()
            return self._token
        return await asyncio.to_thread(self.get_now)

    def get_now(self) -> str:
        """The same, blocking: for threads outside the event loop."""
        with self._lock:
            if self._left_s() <= REFRESH_AHEAD_S:
                try:
                    self._fetch()
                except DependencyUnavailable:
                    # While the old one is good, an identity that is away stops nobody.
                    if self._left_s() <= LAST_MOMENT_S:
                        raise
            return self._token

    def forget(self) -> None:
        """Drop the cached token: a receiver has refused it."""
        self._ends_at = 0.0

    def _left_s(self) -> float:
        return self._ends_at - monotonic()

    def _renew_behind(self) -> None:
        if monotonic() - self._renewing_since > RENEW_AGAIN_S:
            self._renewing_since = monotonic()
            threading.Thread(target=self._renew_quietly, name="renew service token", daemon=True).start()

    def _renew_quietly(self) -> None:
        try:
            self.get_now()
        except DependencyUnavailable as error:
            log.warning("%s", error)

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
        if "subject_token" in form and response.status_code == 400 and body.get("error") in SUBJECT_REFUSED:
            raise Unauthorized(str(body.get("error_description", "identity refused the subject")))
        if response.status_code != 200:
            raise DependencyUnavailable(f"identity refused {self.client_id}: {body.get('error', response.status_code)}")
        return ObtainedToken(body["access_token"], monotonic() + float(body.get("expires_in", 300)))

    def _assertion(self) -> str:
        return self._signed_by_own_key() if self._projected is None else _projected_token(self._projected)

    def _signed_by_own_key(self) -> str:
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


def _projected_token(file: Path) -> str:
    """The pod's service-account token; kubelet writes a new one before it ends, so it is read each time."""
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise DependencyUnavailable("the projected service-account token can't be read") from error


class BearerAuth(requests.auth.AuthBase):
    """Puts the service's present token on each request of a `requests` session."""

    def __init__(self, token: ServiceToken) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one request."""
        request.headers["Authorization"] = f"Bearer {self._token.get_now()}"
        return request
