"""Signed webhooks after the Standard Webhooks specification."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from functions.notification.channels.message import Outgoing
from functions.notification.channels.webhook import _judge, new_secret, payload, signed_headers
from functions.notification.errors import DeliveryError, Undeliverable

NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OUTGOING = Outgoing("d1", "m1", "receiver", "Done", "It is done.", {"rows": 185}, NOW)


@given(st.binary(max_size=200).map(lambda raw: b64encode(raw)))
def test_the_signature_is_the_specifications_own_formula(body: bytes) -> None:
    headers = signed_headers(SECRET, "d1", body, NOW)
    signed = b"d1." + str(int(NOW.timestamp())).encode() + b"." + body
    expected = hmac.new(b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{b64encode(expected).decode()}"


def test_a_receiver_verifies_what_was_signed_and_refuses_what_was_changed() -> None:
    body = payload(OUTGOING)
    headers = signed_headers(SECRET, "d1", body, datetime.now(UTC))
    assert Webhook(SECRET).verify(body, headers)["data"]["id"] == "m1"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


def test_a_later_try_has_the_same_id_and_body_and_another_signature() -> None:
    body = payload(OUTGOING)
    first = signed_headers(SECRET, "d1", body, NOW)
    second = signed_headers(SECRET, "d1", payload(OUTGOING), NOW + timedelta(seconds=60))
    assert payload(OUTGOING) == body
    assert first["webhook-id"] == second["webhook-id"] == "d1"
    assert first["webhook-signature"] != second["webhook-signature"]


def test_a_new_secret_has_the_specifications_form_and_is_never_the_same() -> None:
    secrets = {new_secret() for _ in range(20)}
    assert len(secrets) == 20
    assert all(24 <= len(b64decode(each.removeprefix("whsec_"))) <= 64 for each in secrets)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    _judge(status, None)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410, 413, 422])
def test_refusals_and_redirects_are_final(status: int) -> None:
    with pytest.raises(Undeliverable):
        _judge(status, None)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with pytest.raises(DeliveryError) as caught:
        _judge(status, None)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [("120", 120), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-5", None), ("9" * 30, None), ("²", None)],
)
def test_retry_after_counts_when_it_is_plain_seconds(sent: str, seconds: int | None) -> None:
    with pytest.raises(DeliveryError) as caught:
        _judge(429, sent)
    assert caught.value.retry_after_s == seconds
