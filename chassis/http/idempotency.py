"""Idempotency-Key: the same key makes the same resource id, so that a repeated POST finds what the first one made."""

import hashlib
from typing import Annotated, Any
from uuid import UUID, uuid4, uuid5

import orjson
from fastapi import Header

from chassis.errors import Conflict

_NAMESPACE = UUID("6f0c1f3e-0b57-5d0e-9b63-6a1f0f1b7c11")

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=255, description="Makes a repeated POST harmless"),
]


class KeyReused(Conflict):
    """The same Idempotency-Key came with another body."""

    code, title = "platform.idempotency-key-reused", "The Idempotency-Key was used for another request"


def resource_id(tenant: str, operation: str, key: str | None) -> str:
    """The id of what a POST creates: derived from tenant, operation and key, else random (32 hex digits)."""
    return (uuid5(_NAMESPACE, f"{tenant}\n{operation}\n{key}") if key else uuid4()).hex


def fingerprint(body: Any) -> str:
    """A digest of a JSON body, the same whatever the order of its keys."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def check_same_request(stored: str, sent: str) -> None:
    """Raise KeyReused when the fingerprints differ."""
    if stored != sent:
        raise KeyReused("choose a new key for a new request")
