"""The local receivers of e-mail and webhooks."""

import base64
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage, Message
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest
from standardwebhooks import Webhook

from local.mail import serve
from local.webhooks import WebhookReceiver

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


async def test_a_sent_message_lies_in_the_folder(tmp_path: Path) -> None:
    server = await serve(tmp_path, 0)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Grüße"
    message.set_content("The report is ready.")
    try:
        await aiosmtplib.send(message, hostname="127.0.0.1", port=server.sockets[0].getsockname()[1], start_tls=False)
    finally:
        server.close()
    (kept,) = _messages(tmp_path)
    assert kept["X-Envelope-To"] == "b@example.com"
    assert "The report is ready." in str(kept.get_payload())


def _messages(folder: Path) -> list[Message]:
    return [message_from_bytes(file.read_bytes()) for file in folder.glob("*.eml")]


async def _post(receiver: WebhookReceiver, body: str, signed: str) -> int:
    now = datetime.now(tz=UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", now, signed),
    }
    async with aiohttp.ClientSession() as session, session.post(receiver.url, data=body, headers=headers) as answer:
        return answer.status


async def test_a_signed_delivery_is_kept_and_a_repeated_one_counts_once() -> None:
    async with WebhookReceiver(SECRET) as receiver:
        assert await _post(receiver, '{"n":1}', '{"n":1}') == 204
        assert await _post(receiver, '{"n":1}', '{"n":1}') == 204
        (delivery,) = await receiver.wait_for(1, timeout_s=60)
        assert (delivery.data, delivery.verified) == ({"n": 1}, True)


async def test_a_forged_delivery_is_refused_and_does_not_count() -> None:
    async with WebhookReceiver(SECRET) as receiver:
        assert await _post(receiver, '{"n":2}', '{"n":1}') == 401
        assert receiver.verified() == []
        with pytest.raises(TimeoutError):
            await receiver.wait_for(1, timeout_s=0.05)
