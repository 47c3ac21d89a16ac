"""The services' manifests as the edge uses them: read again when a file changes, checked, last good one kept."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chassis.manifest import SERVICES, ManifestError, Place, Route, ServiceManifest, manifest_error, read_manifest
from functions.gateway.envoy.paths import specificity
from functions.gateway.envoy.routes import first_segment

log = logging.getLogger(__name__)

Stamp = tuple[int, int]
"""A file's modification time (ns) and size (bytes)."""

CONTROL_PLANE = ("/v3", "/gateway/otlp")
"""What only Envoy itself may call; never routed."""
SHARED_OUT = {"docs": "gateway", ".well-known": "identity", "client": "notification"}
"""Whose the first segments are that no service is named by. Any other is its who has it first."""


@dataclass(frozen=True)
class Refused:
    """A service.yaml that the edge does not use: whose, its first mistake's line, every mistake in plain words.

    `file` is the path below the services' folder; `line` counts from 1.
    """

    service: str
    file: str
    line: int
    reason: str


@dataclass
class Catalog:
    """Every service's manifest below a folder.

    A manifest that can't be used changes nothing: the service keeps the routes of its last good one (none at first
    start), and the refusal is kept to be shown.
    """

    folder: Path
    _good: dict[str, ServiceManifest] = field(default_factory=dict)
    _refused: dict[str, Refused] = field(default_factory=dict)
    _stamps: dict[str, Stamp | None] = field(default_factory=dict)

    def manifests(self) -> list[ServiceManifest]:
        """The manifests in use, in the order of SERVICES; reads those files that changed since the last call."""
        for service in SERVICES:
            self._refresh(service)
        return [self._good[service] for service in SERVICES if service in self._good]

    def refused(self) -> list[Refused]:
        """The manifests that were refused when last read, in the order of SERVICES."""
        return [self._refused[service] for service in SERVICES if service in self._refused]

    def _refresh(self, service: str) -> None:
        path = self.folder / service / "service.yaml"
        stamp = _stamp(path)
        if service in self._stamps and self._stamps[service] == stamp:
            return
        self._stamps[service] = stamp
        if stamp is None:
            self._good.pop(service, None)
            self._refused.pop(service, None)
            return
        try:
            self._good[service] = self._checked(service, path)
            self._refused.pop(service, None)
        except ManifestError as error:
            reason, file = str(error).replace(f"{self.folder}/", ""), path.relative_to(self.folder).as_posix()
            self._refused[service] = Refused(service, file, error.line, reason)
            log.error("%s:%s refused, the last good routes of %s stay: %s", path, error.line, service, error)

    def _checked(self, service: str, path: Path) -> ServiceManifest:
        manifest = read_manifest(path)
        mistakes = list(mistakes_at_the_edge(service, manifest, self._good))
        if mistakes:
            raise manifest_error(path, mistakes)
        return manifest


def mistakes_at_the_edge(
    folder: str, manifest: ServiceManifest, others: Mapping[str, ServiceManifest]
) -> Iterable[tuple[Place, str]]:
    """What the model can't see: a wrong folder, paths kept for the control plane, routes that are another's."""
    if manifest.service != folder:
        yield ("service",), f"service: is {manifest.service}, but the folder is {folder}"
    # A name is its service's while that has no good manifest, too: at a start none has been read before the first.
    owners = SHARED_OUT | {name: name for name in SERVICES}
    segments = {first_segment(route.path) for name, other in others.items() if name != folder for route in other.routes}
    segments |= owners.keys() - {segment for segment, owner in owners.items() if owner == folder}
    seen: set[tuple[str, object]] = set()
    for number, route in enumerate(manifest.routes):
        where: Place = ("routes", number)
        named = f"routes.{number} {route.path}"
        if _is_control_plane(route.path):
            yield where, f"{named}: kept for the edge's control plane"
        if any(segment in (".", "..") for segment in route.path.split("/")):
            yield where, f"{named}: a path has no . or .. segment"
        if "{*" in route.path.rpartition("/")[0]:
            yield where, f"{named}: a rest parameter stands last"
        if first_segment(route.path) in segments:
            yield where, f"{named}: /{first_segment(route.path)} is another service's"
        keys = set(_keys([route]))
        if keys & seen:
            yield where, f"{named}: routed twice"
        seen |= keys


def _keys(routes: Iterable[Route]) -> Iterable[tuple[str, object]]:
    """Methods with paths, whatever their parameters are named: of two such routes Envoy would know the first alone."""
    return ((method, specificity(route.path)) for route in routes for method in route.methods)


def _is_control_plane(path: str) -> bool:
    return any(path == kept or path.startswith(kept + "/") for kept in CONTROL_PLANE)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
