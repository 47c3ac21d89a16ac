"""Signed webhooks after the Standard Webhooks specification (webhook-id, webhook-timestamp, webhook-signature)."""

import secrets
from base64 import b64encode
from datetime import UTC, datetime

import aiohttp
import orjson
from standardwebhooks.webhooks import Webhook

from chassis.outgoing.addresses import Guard, GuardedResolver, PrivateAddress
from functions.notification.channels.addresses import check_url
from functions.notification.channels.message import Outgoing
from functions.notification.errors import BadWebhookUrl, DeliveryError, Undeliverable

SECRET_BYTES = 32
"""The specification asks for 24 to 64 random bytes."""
TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
MAY_PASS = frozenset({408, 425, 429})
"""Client errors that tell of the moment, not of the request (RFC 9110, 6585, 8470)."""


def new_secret() -> str:
    """A fresh signing secret, in the specification's form."""
    return "whsec_" + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def payload(outgoing: Outgoing) -> bytes:
    """The body: the same bytes at each try."""
    return orjson.dumps(
        {
            "type": "notification.message",
            "timestamp": outgoing.created_at.isoformat(),
            "data": {
                "id": outgoing.message_id,
                "subject": outgoing.subject,
                "body": outgoing.body,
                "data": outgoing.data,
            },
        }
    )


def signed_headers(secret: str, id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of one try: the id stays the same, the timestamp and with it the signature are of now."""
    moment = now.astimezone(UTC)
    return {
        "content-type": "application/json",
        "user-agent": "platform-notification/1",
        "webhook-id": id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, moment, body.decode()),
    }


async def send_webhook(outgoing: Outgoing, url: str, secret: str, allow_private: bool) -> None:
    """Post the message once; redirects are not followed and nothing of the answer but its status is read.

    Raises Undeliverable for 3xx, 4xx and private addresses, DeliveryError for anything that may pass.
    """
    body = payload(outgoing)
    headers = signed_headers(secret, outgoing.delivery_id, body, datetime.now(UTC))
    try:
        checked = check_url(url, allow_private)
    except BadWebhookUrl as error:
        raise Undeliverable(error.detail) from None
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(Guard(allow_private)), use_dns_cache=False, force_close=True
    )
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(checked, data=body, headers=headers, allow_redirects=False) as response,
        ):
            _judge(response.status, response.headers.get("retry-after"))
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, PrivateAddress):
            raise Undeliverable("the host is not a public one") from None
        raise DeliveryError("the webhook can't be reached") from None
    except TimeoutError:
        raise DeliveryError("the webhook did not answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        # The error's text may have the URL in it, and the URL may have a secret of the receiver's.
        raise DeliveryError(f"the webhook failed: {type(error).__name__}") from None


def _judge(status: int, retry_after: str | None) -> None:
    if 200 <= status < 300:
        return
    reason = f"the webhook answered {status}"
    if status >= 500 or status in MAY_PASS:
        raise DeliveryError(reason, _seconds(retry_after))
    raise Undeliverable(reason if status >= 400 else f"{reason}; redirects are not followed")


def _seconds(retry_after: str | None) -> int | None:
    # The other form, a date, is left to our own pauses.
    plain = retry_after is not None and retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10
    return int(retry_after) if plain and retry_after is not None else None
