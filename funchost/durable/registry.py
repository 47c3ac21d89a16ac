"""The durable functions of an app, by the names that orchestrators and clients use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from funchost.durable.actions import ACTIVITIES, ENTITY_OPERATIONS, SUB_ORCHESTRATIONS, Action, ActionType
from funchost.durable.entities import EntityId
from funchost.durable.errors import UnknownFunction


class AnyCase(Mapping[str, str]):
    """A mapping whose names are found in any letter case, as the extension finds functions; told as they were given."""

    def __init__(self, functions: Mapping[str, str]) -> None:
        self._names = list(functions)
        self._functions = {name.lower(): function for name, function in functions.items()}

    def __getitem__(self, name: str) -> str:
        return self._functions[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, slots=True)
class KnownFunctions:
    """Durable name to function name, for each kind; names are found in any letter case."""

    orchestrators: Mapping[str, str]
    activities: Mapping[str, str]
    entities: Mapping[str, str]
    default_version: str | None = None
    """The version of orchestrations that are started without one."""

    @classmethod
    def of(cls, functions: Mapping[str, tuple[str, str]], default_version: str | None = None) -> KnownFunctions:
        """Sort durable name -> (kind, function name) by kind."""
        entities = {name.lower(): function for name, function in _of_kind(functions, "entity").items()}
        orchestrators, activities = (AnyCase(_of_kind(functions, kind)) for kind in ("orchestrator", "activity"))
        return cls(orchestrators, activities, entities, default_version)

    def check(self, actions: Iterable[Action]) -> None:
        """Raises UnknownFunction for an action that names a function which is not there."""
        for action in actions:
            if action.type is ActionType.CALL_HTTP:
                continue
            if action.type in ACTIVITIES:
                _require(action.name, "activity", self.activities)
            elif action.type in SUB_ORCHESTRATIONS:
                _require(action.name, "orchestrator", self.orchestrators)
            elif action.type in ENTITY_OPERATIONS:
                _require(EntityId.parse(str(action.instance_id)).name, "entity", self.entities)


def _require(name: str, kind: str, known: Mapping[str, str]) -> None:
    if name not in known:
        raise UnknownFunction(name, kind, list(known))


def _of_kind(functions: Mapping[str, tuple[str, str]], wanted: str) -> dict[str, str]:
    return {name: function for name, (kind, function) in functions.items() if kind == wanted}
