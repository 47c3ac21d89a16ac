"""Which objects a patch or a replacement means."""

import re
from collections.abc import Mapping
from typing import Any

from infra.kustomize.errors import KustomizeError

_KNOWN = {"kind", "name", "group", "version", "labelSelector"}


def selected(candidate: Mapping[str, Any], target: Mapping[str, Any]) -> bool:
    """Whether an object fits a target; kind and name are anchored regular expressions, as in kustomize."""
    if unknown := set(target) - _KNOWN:
        raise KustomizeError(f"target fields {', '.join(sorted(unknown))} are not known here")
    group, _, version = str(candidate["apiVersion"]).rpartition("/")
    return (
        _fits(target.get("kind"), candidate["kind"])
        and _fits(target.get("name"), candidate["metadata"]["name"])
        and target.get("group", group) == group
        and target.get("version", version) == version
        and _labels_fit(target.get("labelSelector"), candidate["metadata"].get("labels") or {})
    )


def _fits(pattern: str | None, text: str) -> bool:
    return pattern is None or re.fullmatch(pattern, text) is not None


def _labels_fit(selector: str | None, labels: Mapping[str, str]) -> bool:
    """Equality selectors only: `a=b,c=d`. Labels are the object's own, as kustomize looks at them."""
    pairs = [part.partition("=") for part in (selector or "").split(",") if part]
    return all(labels.get(name.strip()) == value.strip() for name, _, value in pairs)
