"""Queue messages: text encodings, and the metadata that the official host hands to a function."""

import base64
import binascii
import contextlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from azure.functions.meta import Datum

Encoding = Literal["base64", "none"]


def decode_body(text: str, encoding: Encoding) -> bytes:
    """The bytes of a message. Raises ValueError when the text is not Base64 as host.json says."""
    if encoding == "none":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the message is not Base64 ({error})") from None


def encode_body(body: bytes, encoding: Encoding) -> str:
    """The text of a message. Raises ValueError when bytes that are no text are to be sent without Base64."""
    if encoding == "none":
        try:
            return body.decode()
        except UnicodeDecodeError:
            raise ValueError("binary messages need messageEncoding base64 in host.json") from None
    return base64.b64encode(body).decode()


def body_datum(body: bytes) -> Datum:
    """Text where the body is UTF-8, else bytes."""
    try:
        return Datum(body.decode(), "string")
    except UnicodeDecodeError:
        return Datum(body, "bytes")


def trigger_metadata(message: Any) -> dict[str, Datum]:
    """The metadata that azure-functions' QueueMessage is made from."""
    return {
        "Id": Datum(message.id, "string"),
        "DequeueCount": Datum(message.dequeue_count or 1, "int"),
        "InsertionTime": _time(message.inserted_on),
        "ExpirationTime": _time(message.expires_on),
        "NextVisibleTime": _time(message.next_visible_on),
        "PopReceipt": Datum(message.pop_receipt, "string"),
    }


def _time(value: datetime | None) -> Datum:
    return Datum(value.isoformat() if value else "", "string")


def binding_data(message: Any, body: bytes) -> Mapping[str, Any]:
    """What expressions can name: `queueTrigger`, the metadata, and the fields of a JSON body."""
    text = body.decode("utf-8", "replace")
    data: dict[str, Any] = {"queueTrigger": text}
    data.update((name, datum.value) for name, datum in trigger_metadata(message).items())
    if text.lstrip()[:1] == "{":
        with contextlib.suppress(ValueError):  # not JSON after all; an expression that needs a field fails by name
            data.update(json.loads(text))
    return data
