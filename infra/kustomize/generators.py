"""Generated ConfigMaps, the hash in their names, and objects that are not sent to a cluster."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.kustomize.errors import KustomizeError

LOCAL = "config.kubernetes.io/local-config"
_NEEDS_HASH = "kustomize.config.k8s.io/needs-hash"
_KNOWN = {"name", "envs", "literals", "files", "options"}


def config_map(folder: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """One entry of configMapGenerator. Raises KustomizeError for fields that are not known here."""
    if unknown := set(entry) - _KNOWN:
        raise KustomizeError(f"configMapGenerator: {', '.join(sorted(unknown))} not known here")
    data: dict[str, str] = {}
    for name in entry.get("envs", []):
        data.update(_variables((folder / name).read_text(encoding="utf-8")))
    for pair in entry.get("literals", []):
        data.update([pair.split("=", 1)])
    for item in entry.get("files", []):
        key, _, name = item.rpartition("=")
        data[key or Path(name).name] = (folder / name).read_text(encoding="utf-8")
    options = entry.get("options", {})
    annotations = dict(options.get("annotations", {}))
    if not options.get("disableNameSuffixHash"):
        annotations[_NEEDS_HASH] = "enabled"
    metadata: dict[str, Any] = {"name": entry["name"], "annotations": annotations}
    if options.get("labels"):
        metadata["labels"] = dict(options["labels"])
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _variables(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            name, _, value = line.lstrip().partition("=")
            yield name, value


def finish_names(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the content's hash into the names of generated ConfigMaps, and into what refers to them."""
    renamed: dict[str, str] = {}
    for found in objects:
        annotations = found["metadata"].get("annotations") or {}
        if annotations.pop(_NEEDS_HASH, None):
            name = found["metadata"]["name"]
            renamed[name] = f"{name}-{content_hash(found)}"
            found["metadata"]["name"] = renamed[name]
        if not annotations:
            found["metadata"].pop("annotations", None)
    for found in objects:
        _follow(found, renamed)
    return objects


def _follow(value: Any, renamed: dict[str, str]) -> None:
    if isinstance(value, list):
        for inner in value:
            _follow(inner, renamed)
    elif isinstance(value, dict):
        for field, inner in value.items():
            if field in {"configMapRef", "configMapKeyRef", "configMap"} and isinstance(inner, dict):
                inner["name"] = renamed.get(inner.get("name", ""), inner.get("name", ""))
            _follow(inner, renamed)


def content_hash(config: dict[str, Any]) -> str:
    """kustomize's hash of a ConfigMap: SHA-256 of its JSON, ten characters, none that spells a word.

    The name in it is empty: api/hasher of kustomize looks for a field called `metadata/name`, and finds none.
    """
    document = {"data": dict(sorted(config["data"].items())), "kind": "ConfigMap", "name": ""}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return digest.translate(str.maketrans("013ae", "ghkmt"))


def drop_local(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects without those that only the build itself reads."""
    return [found for found in objects if (found["metadata"].get("annotations") or {}).get(LOCAL) != "true"]
