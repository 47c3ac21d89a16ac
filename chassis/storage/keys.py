"""Table keys: any text as a partition or row key, in the same order for the same alphabet."""

import re

_UNSAFE = re.compile(r"[^A-Za-z0-9._:@+\- |]")
_ESCAPE = re.compile(r"=([0-9A-F]{2})")


def encode_key(text: str) -> str:
    """Escape what Azure Tables refuses in a key (`/ \\ # ?`, control characters) as `=HH` of its UTF-8 bytes.

    `~` is escaped too: it begins the keys of outbox rows, which no caller's text may look like.
    """
    return _UNSAFE.sub(lambda m: "".join(f"={byte:02X}" for byte in m.group().encode()), text)


def decode_key(key: str) -> str:
    """The inverse of encode_key."""
    raw = _ESCAPE.sub(lambda m: chr(int(m.group(1), 16)), key)
    return raw.encode("latin-1").decode("utf-8")


def after_prefix(encoded_prefix: str) -> str:
    """The first key, in ordinal order, after all that begin with the prefix."""
    return encoded_prefix[:-1] + chr(ord(encoded_prefix[-1]) + 1)
