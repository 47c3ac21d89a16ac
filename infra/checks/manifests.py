"""The Kubernetes objects of an environment, and the questions that checks ask of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from infra.image.contents import ROOT
from infra.kustomize import build

Object = dict[str, Any]
NAME = "app.kubernetes.io/name"
OVERLAYS = ("dev", "prod", "kind")


@dataclass(frozen=True)
class Environment:
    """All objects of one overlay."""

    name: str
    objects: tuple[Object, ...]

    def find(self, kind: str, name: str) -> Object | None:
        """The object of that kind and name; generated names match without their hash."""
        for found in self.of_kind(kind):
            own: str = found["metadata"]["name"]
            if own == name or (kind == "ConfigMap" and own.rpartition("-")[0] == name):
                return found
        return None

    def of_kind(self, kind: str) -> Iterator[Object]:
        """Every object of a kind."""
        return (found for found in self.objects if found["kind"] == kind)

    def triggers(self, service: str) -> list[Object]:
        """The triggers of a service's ScaledObject; none when it has none."""
        scaled = self.find("ScaledObject", service)
        return list(scaled["spec"]["triggers"]) if scaled else []

    def variables(self, service: str) -> dict[str, str]:
        """The environment of a service's container: its ConfigMaps in order, then its own variables."""
        found: dict[str, str] = {}
        for container in containers(self.find("Deployment", service)):
            for source in container.get("envFrom", ()):
                config = self.find("ConfigMap", source.get("configMapRef", {}).get("name", "")) or {}
                found.update(config.get("data", {}))
            found.update({entry["name"]: str(entry.get("value", "")) for entry in container.get("env", ())})
        return found


def containers(workload: Object | None) -> list[Object]:
    """The containers of a Deployment."""
    return list(workload["spec"]["template"]["spec"]["containers"]) if workload else []


@cache
def environment(name: str, root: Path = ROOT) -> Environment:
    """One overlay, built. Raises KustomizeError."""
    return Environment(name, tuple(build(root / "keda" / "overlays" / name)))
