"""Opaque page tokens: the key to go on after, and the filters of an instance list."""

from datetime import UTC, datetime
from typing import Any

from chassis.http import paging
from chassis.http.paging import token_of
from chassis.models import Contract
from durable.workflow.models import InstanceStatus
from functions.workflow.errors import BadPageToken

__all__ = ["DefinitionFilter", "InstanceFilter", "key_of", "token_of"]


def key_of(token: str | None) -> str | None:
    """The key of a token. Raises BadPageToken for one that no page gave."""
    return paging.key_of(token, BadPageToken)


class DefinitionFilter(Contract):
    """Which definitions are wanted; every part that is given must fit."""

    namespace: str | None = None
    name: str | None = None
    deprecated: bool | None = None

    @property
    def prefix(self) -> str | None:
        """The part of the key that the filter fixes."""
        if self.namespace is None:
            return None
        return f"{self.namespace}!{self.name}!" if self.name is not None else f"{self.namespace}!"

    def where(self) -> tuple[str | None, dict[str, Any]]:
        """The rest of the filter as OData with its parameters."""
        equal = {"name": None if self.namespace is not None else self.name, "deprecated": self.deprecated}
        parameters = {name: value for name, value in equal.items() if value is not None}
        return " and ".join(f"{name} eq @{name}" for name in parameters) or None, parameters


class InstanceFilter(Contract):
    """Which instances are wanted; every part that is given must fit. Times are those of acceptance."""

    status: InstanceStatus | None = None
    namespace: str | None = None
    name: str | None = None
    version: str | None = None
    correlation_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def where(self) -> tuple[str | None, dict[str, Any]]:
        """The filter as OData with its parameters; whether an instance is suspended is not in it."""
        equal = {
            "status": self.status if self.status != "suspended" else None,
            "namespace": self.namespace,
            "name": self.name,
            "version": self.version,
            "correlation_id": self.correlation_id,
        }
        parameters: dict[str, Any] = {name: value for name, value in equal.items() if value is not None}
        clauses = [f"{name} eq @{name}" for name in parameters]
        for name, sign, moment in (("after", "gt", self.created_after), ("before", "lt", self.created_before)):
            if moment is not None:
                clauses.append(f"created_at {sign} @{name}")
                parameters[name] = _as_stored(moment)
        return " and ".join(clauses) or None, parameters


def _as_stored(moment: datetime) -> str:
    utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
