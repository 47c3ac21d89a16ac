"""Which images a set of changed files concerns: `python -m infra.pipelines.changed BASE` prints them as JSON.

Computed from what the images hold (Dockerfile), not from a list: a service's folder concerns that service, its durable
topic the service that brings it along, the chassis every service, Envoy's bootstrap and module the edge; documentation
and tests concern none.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from functools import cache

from chassis.manifest import SERVICES
from infra.image.contents import ROOT, image_files, stages_for
from infra.image.edge import edge_sources

EDGE = "edge"
EVERY = (*SERVICES, EDGE)
_ALL_OF_THEM = ("Dockerfile", ".dockerignore", "keda/components/", "keda/overlays/", "keda/base/platform/")


def changed_images(paths: Iterable[str]) -> list[str]:
    """The services (and `edge`) to build, test and roll out for these changed paths, in their usual order."""
    found: set[str] = set()
    for path in paths:
        found |= _concerned(path)
    return [name for name in EVERY if name in found]


def _concerned(path: str) -> set[str]:
    if path.startswith(_ALL_OF_THEM):
        return set(EVERY)
    if path == "requirements.txt":
        return set(SERVICES)
    parts = path.split("/")
    if path.startswith("keda/base/") and len(parts) > 2:
        return {parts[2]} & set(EVERY)
    found = {service for service in SERVICES if _holds(service, path)}
    return found | ({EDGE} if path.startswith(_edge_sources()) else set())


def _holds(service: str, path: str) -> bool:
    """Whether the file is in the image, or was: a file that is gone counts by its folder."""
    folders, files = _contents(service)
    return path in files or any(path.startswith(folder) for folder in folders)


@cache
def _contents(service: str) -> tuple[tuple[str, ...], frozenset[str]]:
    files = frozenset(str(file.relative_to(ROOT)) for file in image_files(service).values())
    units = {"/".join(file.split("/")[: 1 if file.startswith("chassis") else 2]) + "/" for file in files if "/" in file}
    return tuple(sorted(unit for unit in units if not unit.endswith(".py/"))), files


@cache
def _edge_sources() -> tuple[str, ...]:
    return edge_sources(stages_for("gateway"))


def changed_paths(base: str) -> list[str]:
    """The paths that differ between a commit and the present one; of renames both names."""
    command = ["git", "diff", "--name-only", "--no-renames", base, "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603


def main(arguments: list[str]) -> None:
    """Print the images for a GitHub matrix; without a base (a first push) all of them."""
    base = arguments[0] if arguments else ""
    first = not base or set(base) == {"0"}
    print(json.dumps(list(EVERY) if first else changed_images(changed_paths(base))))


if __name__ == "__main__":
    main(sys.argv[1:])
