"""The metadata service's contracts (its HTTP bodies; the JSON Schemas it keeps are plain documents)."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from chassis.models import Contract, example

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,127}$")]
Key = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]


class SchemaVersion(Contract):
    """One registered version; `schema` is the document itself where one version is read."""

    name: str
    version: int
    etag: str
    created_at: datetime
    created_by: str


class SchemaDocument(SchemaVersion):
    """One version with its document."""

    schema_: dict[str, Any] = Field(alias="schema")


class SchemaVersionPage(Contract):
    """Versions of one schema in order; `next` is the token of the following page, None at the end."""

    items: list[SchemaVersion]
    next: str | None = None


class SchemaHead(Contract):
    """The latest version of one schema."""

    name: str
    version: int
    etag: str
    updated_at: datetime


class SchemaPage(Contract):
    """Schemas in order of names; `next` is the token of the following page, None at the end."""

    items: list[SchemaHead]
    next: str | None = None


class ReferenceSetBody(Contract):
    """All items of a set, by key; any JSON value."""

    model_config = example(items={"UA": {"name": "United"}})

    items: dict[Key, Any]


class ReferenceSetState(Contract):
    """A set without its items."""

    set: str
    revision: int
    count: int
    etag: str
    updated_at: datetime


class ReferenceSetItems(ReferenceSetState):
    """A set with all its items, by key."""

    items: dict[str, Any]


class ReferenceSetPage(Contract):
    """Sets in order of names; `next` is the token of the following page, None at the end."""

    items: list[ReferenceSetState]
    next: str | None = None


class ValueBody(Contract):
    """Any JSON value."""

    model_config = example(value={"name": "United"})

    value: Any


class ReferenceItem(Contract):
    """One item of a set; the ETag is that of the item."""

    set: str
    key: str
    value: Any
    etag: str


class Configuration(Contract):
    """One version of a configuration value."""

    key: str
    version: int
    etag: str
    value: Any
    updated_at: datetime
    updated_by: str
