"""Access tokens of Azure SignalR Service: HS256 by the access key, with the called URL as audience.

https://learn.microsoft.com/azure/azure-signalr/signalr-reference-data-plane-rest-api#authentication-via-accesskey-in-azure-signalr-service
"""

import time
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

USER_CLAIMS = (
    "asrs.s.uid",
    "nameid",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
    "sub",
)
"""Where the service looks for the user id, in this order."""
LEEWAY_S = 5


class AccessDeniedError(Exception):
    """The token is missing, forged, too old or for another URL; the message says which, without the token."""


@dataclass(frozen=True)
class Access:
    """Makes and checks tokens with one access key."""

    key: str

    def sign(self, audience: str, valid_s: float = 3600, user_id: str | None = None) -> str:
        """A token for one URL; with `user_id`, a client's."""
        now = int(time.time())
        claims: dict[str, object] = {"aud": audience, "iat": now, "nbf": now, "exp": now + int(valid_s)}
        if user_id is not None:
            claims["asrs.s.uid"] = user_id
        return jwt.encode({"alg": "HS256"}, claims, self._jwk())

    def check(self, token: str | None, url: str) -> str | None:
        """The user id in a good token for `url`; None when it names no user. Raises AccessDeniedError."""
        if not token:
            raise AccessDeniedError("a token is needed")
        try:
            claims = jwt.decode(token, self._jwk(), algorithms=["HS256"]).claims
        except (JoseError, ValueError):
            raise AccessDeniedError("the token is not signed with the access key") from None
        expires = claims.get("exp")
        if not isinstance(expires, int | float) or expires + LEEWAY_S < time.time():
            raise AccessDeniedError("the token has expired")
        audiences = claims.get("aud")
        if not any(same_resource(aud, url) for aud in (audiences if isinstance(audiences, list) else [audiences])):
            raise AccessDeniedError("the token is for another URL")
        return next((str(claims[name]) for name in USER_CLAIMS if claims.get(name)), None)

    def _jwk(self) -> OctKey:
        return OctKey.import_key(self.key)


def same_resource(audience: object, url: str) -> bool:
    """Whether an audience names this URL: same host and path, same hub for a client; ports don't count.

    The service's own SDKs leave the port out of the audience."""
    if not isinstance(audience, str):
        return False
    try:
        wanted, asked = urlsplit(audience), urlsplit(url)
        same_host = wanted.hostname == asked.hostname
    except ValueError:
        return False
    same_path = unquote(wanted.path).rstrip("/") == unquote(asked.path).rstrip("/")
    return same_host and same_path and _hub(wanted.query) in (None, _hub(asked.query))


def _hub(query: str) -> str | None:
    values = parse_qs(query).get("hub")
    return values[0].lower() if values else None
