"""The objects of a canary: a service's Deployment and Service under other names, one replica, not scaled.

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
    """The canary's Deployment and Service. Raises LookupError when the service has none.

    The pods keep the service's name, so that its NetworkPolicy and its identity hold for them; a further label keeps
    the two Services' pods apart from each other's selection.
    """
    found = {entry["kind"]: entry for entry in objects if entry["metadata"]["name"] == service}
    if not {"Deployment", "Service"} <= found.keys():
        raise LookupError(f"{service} has no Deployment or Service")
    name = f"{service}-canary"
    deployment, own = deepcopy(found["Deployment"]), deepcopy(found["Service"])
    for entry in (deployment, own):
        entry["metadata"]["name"] = name
        entry["metadata"].setdefault("labels", {})[INSTANCE] = name
    deployment["spec"]["replicas"] = 1
    labels = {NAME: service, INSTANCE: name}
    deployment["spec"]["selector"] = {"matchLabels": labels}
    deployment["spec"]["template"]["metadata"]["labels"].update(labels)
    own["spec"]["selector"] = labels
    return [deployment, own]


def main(arguments: list[str]) -> None:
    """Read a stream of objects, print the canary's."""
    [service] = arguments
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump_all(canary_objects(service, (found for found in yaml.load_all(sys.stdin) if found)), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
