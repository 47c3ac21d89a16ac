"""Namespace, labels and images, over all objects of a kustomization."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.kustomize.errors import KustomizeError

CLUSTER_SCOPED = frozenset(
    {"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "GatewayClass"}
)
"""Kinds of ours that live in no namespace."""


def set_namespace(objects: list[dict[str, Any]], namespace: str, folder: Path) -> None:
    """Put every namespaced object into the namespace; the Namespace object takes its name."""
    for found in objects:
        if found["kind"] == "Namespace":
            found["metadata"]["name"] = namespace
        elif found["kind"] not in CLUSTER_SCOPED:
            found["metadata"]["namespace"] = namespace


def set_labels(objects: list[dict[str, Any]], entry: dict[str, Any], folder: Path) -> None:
    """Add labels; to pod templates too with includeTemplates. Selectors are left alone, as they can't change later."""
    if unknown := set(entry) - {"pairs", "includeTemplates"}:
        raise KustomizeError(f"{', '.join(sorted(unknown))} not known here")
    for found in objects:
        found["metadata"].setdefault("labels", {}).update(entry["pairs"])
        template = found.get("spec", {}).get("template") if isinstance(found.get("spec"), dict) else None
        if entry.get("includeTemplates") and isinstance(template, dict):
            template.setdefault("metadata", {}).setdefault("labels", {}).update(entry["pairs"])


def set_image(objects: list[dict[str, Any]], entry: dict[str, Any], folder: Path) -> None:
    """Give containers of the named image another name, tag or digest."""
    for container in _containers(objects):
        name, tag, digest = _parts(container["image"])
        if name == entry["name"]:
            container["image"] = _image(
                entry.get("newName", name), entry.get("newTag", tag), entry.get("digest", digest)
            )


def _containers(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for found in objects:
        spec = found.get("spec")
        pod = spec.get("template", {}).get("spec", {}) if isinstance(spec, dict) and "template" in spec else {}
        yield from (*pod.get("containers", ()), *pod.get("initContainers", ()))


def _parts(image: str) -> tuple[str, str, str]:
    rest, _, digest = image.partition("@")
    name, colon, tag = rest.rpartition(":")
    return (name, tag, digest) if colon and "/" not in tag else (rest, "", digest)


def _image(name: str, tag: str, digest: str) -> str:
    return name + (f"@{digest}" if digest else f":{tag}" if tag else "")
