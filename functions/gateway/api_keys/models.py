"""The contracts of API keys."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from chassis.models import Contract, example

MAX_LIFETIME_DAYS = 366
Scope = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z\-]+$", max_length=64)]


class NewApiKey(Contract):
    """An order for a key. It carries the scopes named, of those that the orderer's own token carries."""

    model_config = example(name="nightly", scopes=["metadata.read"], expiresInDays=30)

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=64)
    expires_in_days: int = Field(default=90, ge=1, le=MAX_LIFETIME_DAYS)


class ApiKey(Contract):
    """A key without its secret. It speaks for `subject`, in whose name it was made."""

    id: str
    name: str
    subject: str
    kind: Literal["application", "user"]
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and now < self.expires_at


class CreatedApiKey(ApiKey):
    """The answer that makes a key. `key` is in the first one only; a repetition gets null."""

    key: str | None = Field(repr=False)


class ApiKeys(Contract):
    """The keys of a tenant, those that are revoked or have expired among them."""

    items: tuple[ApiKey, ...]
