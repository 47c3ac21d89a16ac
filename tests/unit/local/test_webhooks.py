"""Checking webhook signatures."""

import base64
from datetime import UTC, datetime

from standardwebhooks import Webhook

from local.webhooks import verify

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
BODY = b'{"type":"report.ready"}'


def _signed(body: bytes = BODY, at: datetime | None = None) -> dict[str, str]:
    at = at or datetime.now(tz=UTC)
    signature = Webhook(SECRET).sign("msg_1", at, body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def test_a_good_signature_is_verified() -> None:
    assert verify(SECRET, _signed(), BODY) is True


def test_a_changed_body_is_refused() -> None:
    assert verify(SECRET, _signed(), BODY.replace(b"ready", b"wrong")) is False


def test_an_old_delivery_is_refused() -> None:
    assert verify(SECRET, _signed(at=datetime(2020, 1, 1, tzinfo=UTC)), BODY) is False


def test_a_delivery_without_signature_headers_is_refused() -> None:
    assert verify(SECRET, {}, BODY) is False


def test_without_a_secret_nothing_is_claimed() -> None:
    assert verify(None, _signed(), BODY) is None
