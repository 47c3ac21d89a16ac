"""Patches: strategic merge (lists of named things by name) and JSON patch (RFC 6902)."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from infra.kustomize.errors import KustomizeError
from infra.kustomize.selectors import selected

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
"""`patchMergeKey` of the lists that our patches touch (Kubernetes API, core/v1); other lists are replaced whole."""


def apply_patch(objects: list[dict[str, Any]], entry: dict[str, Any], folder: Path) -> None:
    """Change every object that the entry's target fits. Raises KustomizeError when there is none."""
    text = (folder / entry["path"]).read_text(encoding="utf-8") if "path" in entry else entry["patch"]
    patch = YAML(typ="safe", pure=True).load(text)
    target = entry.get("target") or {"kind": patch["kind"], "name": patch["metadata"]["name"]}
    places = [number for number, candidate in enumerate(objects) if selected(candidate, target)]
    if not places:
        raise KustomizeError(f"no object fits the target {target}")
    for number in places:
        objects[number] = (
            json_patch(objects[number], patch) if isinstance(patch, list) else _merged(objects[number], patch)
        )


def _merged(given: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The object with the patch laid over it; its kind and name stay."""
    result: dict[str, Any] = strategic_merge(given, patch)
    result["metadata"]["name"] = given["metadata"]["name"]
    return result


def strategic_merge(given: Any, patch: Any, field: str = "") -> Any:
    """Objects are merged, null removes a field, lists with a merge key are merged by it, others replaced."""
    if isinstance(given, dict) and isinstance(patch, dict):
        result = dict(given)
        for name, value in patch.items():
            if value is None:
                result.pop(name, None)
            else:
                result[name] = strategic_merge(result[name], value, name) if name in result else _without_nulls(value)
        return result
    key = MERGE_KEYS.get(field)
    if isinstance(given, list) and isinstance(patch, list) and key:
        return _merged_list(given, patch, key)
    return _without_nulls(patch)


def _merged_list(given: list[Any], patch: list[Any], key: str) -> list[Any]:
    """The patch's entries come first, in its order, as kustomize has them."""
    known = {entry[key]: entry for entry in given}
    changes = {entry[key] for entry in patch}
    first = [
        strategic_merge(known[entry[key]], entry) if entry[key] in known else _without_nulls(entry) for entry in patch
    ]
    return first + [entry for entry in given if entry[key] not in changes]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return deepcopy(value)


def json_patch(given: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Carry out add, replace, remove and test. Raises KustomizeError when a path is missing or a test fails."""
    result = deepcopy(given)
    for operation in operations:
        _operate(result, operation)
    return result


def _operate(document: dict[str, Any], operation: dict[str, Any]) -> None:
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    place: Any = document
    try:
        for part in parents:
            place = place[int(part) if isinstance(place, list) else part]
        key: Any = last if isinstance(place, dict) else len(place) if last == "-" else int(last)
        _carry_out(place, key, operation)
    except KustomizeError:
        raise
    except (KeyError, IndexError, ValueError, TypeError):
        raise KustomizeError(f"{operation['op']} {operation['path']}: there is nothing") from None


def _carry_out(place: Any, key: Any, operation: dict[str, Any]) -> None:
    match operation["op"]:
        case "add" if isinstance(place, list):
            place.insert(key, operation["value"])
        case "add":
            place[key] = operation["value"]
        case "replace":
            _ = place[key]
            place[key] = operation["value"]
        case "remove":
            del place[key]
        case "test":
            if place[key] != operation["value"]:
                raise KustomizeError(f"test {operation['path']}: is {place[key]!r}, not {operation['value']!r}")
        case other:
            raise KustomizeError(f"the operation {other} is not known here")
