"""The audit service's contracts. Hashes are hex, leaves are base64 of the exact bytes that were hashed."""

from datetime import datetime
from typing import Any

from pydantic import Field

from chassis.models import Contract


class AuditedEvent(Contract):
    """One event of the log, with what is needed to check its leaf hash: SHA-256(0x00 || leaf)."""

    index: int
    leaf_hash: str
    leaf: str
    event: dict[str, Any]


class EventPage(Contract):
    """Events in the order of the log; `next` is the token of the following page, None at the end."""

    items: list[AuditedEvent]
    next: str | None = None


class Checkpoint(Contract):
    """The state of the tenant's log: `time` is that of its last append, or now while it is empty."""

    size: int
    root_hash: str
    time: datetime


class InclusionProof(Contract):
    """RFC 6962 section 2.1.1: `path` leads from the leaf hash to the root of the tree of `size` leaves."""

    index: int
    size: int
    leaf_hash: str
    root_hash: str
    path: list[str] = Field(default_factory=list)


class ConsistencyProof(Contract):
    """RFC 6962 section 2.1.2: `path` proves that the second tree only appended to the first."""

    first: int
    second: int
    first_hash: str
    second_hash: str
    path: list[str] = Field(default_factory=list)
