"""Connection strings and access tokens of the Azure SignalR Service.

Source: https://github.com/Azure/azure-signalr/blob/dev/docs/rest-api.md (HS256 by the access key, `aud` = the URL)
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from funchost.errors import HostError

_LIFETIME_S = 3600
_USER_CLAIM = "asrs.s.uid"  # Constants.ClaimType.UserId of the service's own SDK


@dataclass(frozen=True, slots=True)
class SignalRConnection:
    """Endpoint and, where clients go another way, client endpoint; both without a trailing slash; and access key."""

    endpoint: str
    access_key: str = field(repr=False)
    client_endpoint: str = ""

    def hub_url(self, hub: str) -> str:
        """Base URL of the hub in the REST API."""
        return f"{self.endpoint}/api/v1/hubs/{quote(hub.lower(), safe='')}"

    def client_url(self, hub: str) -> str:
        """URL that a client connects to."""
        return f"{self.client_endpoint or self.endpoint}/client/?hub={quote(hub.lower(), safe='')}"

    def token(self, audience: str, user_id: str | None = None, claims: Mapping[str, str] | None = None) -> str:
        """A token for the audience, valid for an hour."""
        now = int(time.time())
        payload = {**(claims or {}), "aud": audience, "iat": now, "nbf": now, "exp": now + _LIFETIME_S}
        if user_id:
            payload.update({_USER_CLAIM: user_id, "nameid": user_id})
        signed = f"{_encode(json.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{_encode(json.dumps(payload))}"
        signature = hmac.new(self.access_key.encode(), signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_encode(signature)}"


def parse_connection(text: str, *, where: str) -> SignalRConnection:
    """The connection in `Endpoint=…;AccessKey=…;Version=1.0;[Port=…];[ClientEndpoint=…]`.

    Raises HostError when a part is missing.
    """
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    values = {name.strip().lower(): value.strip() for name, value in parts.items()}
    if not values.get("endpoint") or not values.get("accesskey"):
        raise HostError(
            "The SignalR connection string needs Endpoint and AccessKey",
            where=where,
            remedy="Set it to Endpoint=https://…;AccessKey=…;Version=1.0;",
        )
    endpoint = values["endpoint"].rstrip("/")
    if values.get("port"):
        endpoint = f"{endpoint}:{values['port']}"
    return SignalRConnection(endpoint, values["accesskey"], values.get("clientendpoint", "").rstrip("/"))


def _encode(value: str | bytes) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
