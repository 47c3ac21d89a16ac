"""The objects of a canary: a service's Deployment and Services under other names, one replica, not scaled.

`kustomize build … | python -m infra.pipelines.canary_objects metadata` prints them as YAML.
"""

import sys
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from ruamel.yaml import YAML

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
Object = dict[str, Any]


def canary_objects(service: str, objects: Iterable[Object]) -> list[Object]:
    """The canary's Deployment, its Service, and its headless one. Raises LookupError when the service lacks one.

    The pods keep the service's name, so that its NetworkPolicy and its identity hold for them; a further label keeps
    the pods of both versions' Services apart from each other's selection.
    """
    found = {(entry["kind"], entry["metadata"]["name"]): entry for entry in objects}
    wanted = [("Deployment", service), ("Service", service), ("Service", f"{service}-pods")]
    if missing := [" ".join(key) for key in wanted if key not in found]:
        raise LookupError(f"there is no {' and no '.join(missing)}")
    name = f"{service}-canary"
    deployment, *services = (_renamed(found[key], service, name) for key in wanted)
    labels = {NAME: service, INSTANCE: name}
    deployment["spec"]["replicas"] = 1
    deployment["spec"]["selector"] = {"matchLabels": labels}
    deployment["spec"]["template"]["metadata"]["labels"].update(labels)
    for each in services:
        each["spec"]["selector"] = labels
    return [deployment, *services]


def _renamed(entry: Object, service: str, name: str) -> Object:
    entry = deepcopy(entry)
    entry["metadata"]["name"] = name + entry["metadata"]["name"].removeprefix(service)
    entry["metadata"].setdefault("labels", {})[INSTANCE] = name
    return entry


def main(arguments: list[str]) -> None:
    """Read a stream of objects, print the canary's."""
    [service] = arguments
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump_all(canary_objects(service, (found for found in yaml.load_all(sys.stdin) if found)), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
