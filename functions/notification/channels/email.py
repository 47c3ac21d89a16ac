"""E-mail over SMTP (RFC 5321, 5322): text and HTML, the same Message-ID however often it is sent."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

import aiosmtplib
import orjson

from functions.notification.channels.message import Outgoing
from functions.notification.errors import DeliveryError, Undeliverable

TIMEOUT_S = 20.0
_STYLE = "font-family:Segoe UI,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5;color:#1d2733"


def build_email(outgoing: Outgoing, sender: str) -> EmailMessage:
    """The message as multipart/alternative.

    The Message-ID is made of the delivery's id, so that a receiver or a person can tell a repetition; the Date is that
    of the message. Raises ValueError when a header would have a line break (none can, past the contract).
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = outgoing.target
    mail["Subject"] = outgoing.subject
    mail["Date"] = format_datetime(outgoing.created_at)
    mail["Message-ID"] = f"<{outgoing.delivery_id}@{sender.rpartition('@')[2]}>"
    # So that no out-of-office answer comes back (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_plain(outgoing))
    mail.add_alternative(_html(outgoing), subtype="html")
    return mail


async def send_email(mail: EmailMessage, host: str, port: int) -> None:
    """Hand the message to the server.

    Raises Undeliverable when the server refuses for good (5xx), DeliveryError for anything that may pass.
    """
    sender, recipient = str(mail["From"]), str(mail["To"])
    try:
        await aiosmtplib.send(mail, sender=sender, recipients=[recipient], hostname=host, port=port, timeout=TIMEOUT_S)
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [refused.code for refused in error.recipients]
        raise _failure(max(codes, default=450), "the recipient was refused") from error
    except aiosmtplib.SMTPResponseException as error:
        raise _failure(error.code, "the mail server refused the message") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"the mail server can't be reached: {type(error).__name__}") from error


def _failure(code: int, text: str) -> DeliveryError | Undeliverable:
    reason = f"{text} (SMTP {code})"
    return Undeliverable(reason) if 500 <= code <= 599 else DeliveryError(reason)


def _plain(outgoing: Outgoing) -> str:
    facts = [f"{name}: {_value(value)}" for name, value in outgoing.data.items()]
    return "\n\n".join(part for part in (outgoing.body, "\n".join(facts)) if part) + "\n"


def _html(outgoing: Outgoing) -> str:
    paragraphs = [part.strip() for part in outgoing.body.replace("\r\n", "\n").split("\n\n")]
    body = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in paragraphs if part)
    rows = "".join(
        f'<tr><td style="padding:3px 16px 3px 0;color:#5f6b7a">{escape(name)}</td>'
        f'<td style="padding:3px 0">{escape(_value(value))}</td></tr>'
        for name, value in outgoing.data.items()
    )
    table = f'<table style="border-collapse:collapse">{rows}</table>' if rows else ""
    heading = f'<h1 style="font-size:19px;color:#1f5a96;margin:0 0 12px">{escape(outgoing.subject)}</h1>'
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(outgoing.subject)}</title></head>'
        f'<body style="{_STYLE};margin:24px">{heading}{body}{table}</body></html>\n'
    )


def _value(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "; ".join(_value(each) for each in value)
    return orjson.dumps(value).decode()
