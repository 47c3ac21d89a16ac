"""The scale rules of each service as an overlay has them, built as it would be applied; the local scaler's is `dev`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from infra.kustomize import KustomizeError, build


class RulesError(ValueError):
    """A manifest is not as the scaler needs it; the message names file and place."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Policy(_Part):
    """How much may change within a period: so many pods, or so many percent of those at its beginning."""

    type: Literal["Pods", "Percent"]
    value: int
    period_seconds: int


class Direction(_Part):
    """One direction of an HPA's behaviour (autoscaling/v2 HPAScalingRules)."""

    stabilization_window_seconds: int
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"
    policies: tuple[Policy, ...]


UP = Direction(
    stabilization_window_seconds=0,
    policies=(
        Policy(type="Percent", value=100, period_seconds=15),
        Policy(type="Pods", value=4, period_seconds=15),
    ),
)
DOWN = Direction(stabilization_window_seconds=300, policies=(Policy(type="Percent", value=100, period_seconds=15),))
"""The HPA's own defaults (kubernetes.io, Horizontal Pod Autoscaling, "Default behavior")."""


class Behavior(_Part):
    """Both directions."""

    scale_up: Direction = UP
    scale_down: Direction = DOWN


_TARGETS = {
    "azure-queue": ("queueLength", "activationQueueLength", 5.0),
    "azure-servicebus": ("messageCount", "activationMessageCount", 5.0),
    "prometheus": ("threshold", "activationThreshold", None),
    "mssql": ("targetValue", "activationTargetValue", None),
}
"""By trigger type: the metadata of its target for each replica, of its activation, and KEDA's default target."""


class Trigger(_Part):
    """One trigger of a ScaledObject."""

    type: str
    name: str
    metadata: Mapping[str, str]

    @property
    def target(self) -> float:
        """What one replica is to have of the metric. Raises RulesError for a type that is not known here."""
        if self.type == "cron":
            return 1.0
        if self.type not in _TARGETS:
            raise RulesError(f"trigger {self.name}: the type {self.type} is not known to the local scaler")
        key, _, default = _TARGETS[self.type]
        if key not in self.metadata and default is None:
            raise RulesError(f"trigger {self.name}: metadata has no {key}")
        return float(self.metadata.get(key, default or 0))

    @property
    def activation(self) -> float:
        """Above this the trigger is active; it decides between no replica and one."""
        return 0.0 if self.type == "cron" else float(self.metadata.get(_TARGETS[self.type][1], 0))


class Rules(_Part):
    """All of one ScaledObject that the local scaler follows. Times are seconds."""

    service: str
    polling_interval: int = 30
    cooldown_period: int = 300
    min_replica_count: int = 0
    max_replica_count: int = 100
    behavior: Behavior = Behavior()
    triggers: tuple[Trigger, ...] = Field(min_length=1)


@cache
def read_rules(keda: Path, overlay: str = "dev") -> Mapping[str, Rules]:
    """The rules of every service in an overlay, by service, as they would be applied. Raises RulesError."""
    try:
        objects = build(keda / "overlays" / overlay)
    except KustomizeError as error:
        raise RulesError(f"{overlay}: {error}") from None
    found = {str(each["metadata"]["name"]): each["spec"] for each in objects if each["kind"] == "ScaledObject"}
    return {name: _rules(name, spec, overlay) for name, spec in found.items() if not _is_of_pods(spec)}


def _rules(name: str, spec: Mapping[str, Any], overlay: str) -> Rules:
    behavior = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {})
    try:
        return Rules.model_validate({**spec, "service": name, "behavior": behavior})
    except ValueError as error:
        raise RulesError(f"{overlay}: ScaledObject {name}: {error}") from None


def _is_of_pods(spec: Mapping[str, Any]) -> bool:
    """Whether it scales by its pods' own use alone (the edge: CPU): processes that share cores say nothing of that."""
    return all(trigger["type"] in ("cpu", "memory") for trigger in spec["triggers"])
