"""From a kustomization folder to the objects that would be applied.

Order as in kustomize: resources, generators, components, patches, namespace, labels, images, replacements; then names
of generated ConfigMaps get the hash of their content and references follow. A field that is not known is refused.
Source: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from infra.kustomize.errors import KustomizeError
from infra.kustomize.generators import config_map, drop_local, finish_names
from infra.kustomize.patches import apply_patch
from infra.kustomize.replacements import apply_replacement
from infra.kustomize.transformers import set_image, set_labels, set_namespace

Object = dict[str, Any]
_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_KINDS = {"Kustomization", "Component"}


def build(folder: Path) -> list[Object]:
    """The objects of a kustomization, in the order of their files. Raises KustomizeError with file and reason."""
    found = _accumulate(folder.resolve(), [])
    return drop_local(finish_names(found))


def _accumulate(folder: Path, inherited: list[Object]) -> list[Object]:
    """The objects of a folder; a component works on those of the one that names it."""
    content = _read(folder)
    objects = list(inherited)
    for entry in content.pop("resources", []):
        objects += _resource(folder, entry)
    for entry in content.pop("configMapGenerator", []):
        objects.append(config_map(folder, entry))
    for entry in content.pop("components", []):
        objects = _accumulate((folder / entry).resolve(), objects)
    for field, step in _STEPS.items():
        for entry in _entries(field, content.pop(field, None)):
            try:
                step(objects, entry, folder)
            except KustomizeError as error:
                raise KustomizeError(f"{folder.name}: {field}: {error}") from None
    if content:
        raise KustomizeError(f"{folder}: {', '.join(content)} not known here")
    return objects


def _read(folder: Path) -> Object:
    file = next((folder / name for name in _NAMES if (folder / name).is_file()), None)
    if file is None:
        raise KustomizeError(f"{folder} has no kustomization.yaml")
    content: Object = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    content.pop("apiVersion", None)
    if content.pop("kind", "Kustomization") not in _KINDS:
        raise KustomizeError(f"{file} is no kustomization")
    return content


def _resource(folder: Path, entry: str) -> list[Object]:
    path = (folder / entry).resolve()
    if path.is_dir():
        return _accumulate(path, [])
    if not path.is_file():
        raise KustomizeError(f"{folder}: there is no {entry}")
    return list(read_objects(path))


def read_objects(path: Path) -> Iterator[Object]:
    """The documents of a YAML file, empty ones left out."""
    yield from (found for found in YAML(typ="safe", pure=True).load_all(path.read_text(encoding="utf-8")) if found)


def _entries(field: str, value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


_STEPS: dict[str, Callable[[list[Object], Any, Path], None]] = {
    "patches": apply_patch,
    "namespace": set_namespace,
    "labels": set_labels,
    "images": set_image,
    "replacements": apply_replacement,
}
