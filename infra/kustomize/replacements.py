"""Replacements: one object's field, copied into fields of others."""

import re
from pathlib import Path
from typing import Any

from infra.kustomize.errors import KustomizeError
from infra.kustomize.selectors import selected

_PART = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


def apply_replacement(objects: list[dict[str, Any]], entry: dict[str, Any], folder: Path) -> None:
    """Copy the source's field to every target. Raises KustomizeError when either is missing."""
    source = entry["source"]
    wanted = {"kind": source["kind"], "name": source["name"]}
    found = [candidate for candidate in objects if selected(candidate, wanted)]
    if len(found) != 1:
        raise KustomizeError(f"{len(found)} objects fit the source {wanted}")
    value: Any = found[0]
    for part in path_parts(source["fieldPath"]):
        if not isinstance(value, dict) or part not in value:
            raise KustomizeError(f"{source['kind']} {source['name']} has no {source['fieldPath']}")
        value = value[part]
    for target in entry["targets"]:
        _fill(objects, target, value)


def _fill(objects: list[dict[str, Any]], target: dict[str, Any], value: Any) -> None:
    places = [candidate for candidate in objects if selected(candidate, target["select"])]
    if not places:
        raise KustomizeError(f"no object fits the target {target['select']}")
    for candidate in places:
        for path in target["fieldPaths"]:
            if not _set(candidate, path_parts(path), value):
                raise KustomizeError(f"{candidate['kind']} {candidate['metadata']['name']} has no {path}")


def path_parts(path: str) -> list[str]:
    """`a.[b/c].[d=e].f` → its parts; bracketed ones with `=` choose entries of a list."""
    return [f"[{bracketed}]" if "=" in bracketed else bracketed or plain for bracketed, plain in _PART.findall(path)]


def _set(place: Any, parts: list[str], value: Any) -> int:
    """Set the field wherever the path leads, and return how often; only fields that are there."""
    part, rest = parts[0], parts[1:]
    if part.startswith("["):
        field, _, wanted = part[1:-1].partition("=")
        entries = place if isinstance(place, list) else []
        return sum(_set(entry, rest, value) for entry in entries if str(entry.get(field)) == wanted)
    key: Any = int(part) if isinstance(place, list) and part.isdigit() else part
    there = key < len(place) if isinstance(key, int) else isinstance(place, dict) and key in place
    if not there:
        return 0
    if rest:
        return _set(place[key], rest, value)
    place[key] = value
    return 1
