"""What every channel gets: the content of one delivery."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Outgoing:
    """A message on its way to one target; `created_at` is when the message was accepted."""

    delivery_id: str
    message_id: str
    target: str
    subject: str
    body: str
    data: dict[str, Any]
    created_at: datetime
