"""Manifests against the Kubernetes schemas and KEDA's own CRDs."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from kubernetes_validate.utils import SchemaNotFoundError, ValidationError, validate

from infra.checks.manifests import Environment
from infra.checks.report import Skipped
from infra.image.contents import ROOT
from infra.kustomize.build import read_objects

KUBERNETES = "1.34"
"""The API that AKS' `stable` channel serves at present, and that the manifests are written for."""

KEDA_CRDS = ROOT.parent / "shared" / "conformance" / "keda"
OTHER_GROUPS = {
    "azmonitoring.coreos.com": "Azure's managed Prometheus",
    "secrets-store.csi.x-k8s.io": "the Secrets Store CSI driver",
    "gateway.networking.k8s.io": "Gateway API",
    "cert-manager.io": "cert-manager",
}
"""Groups whose CRDs are not at hand: their objects are looked at by the contract checks only."""


def kubernetes_mistakes(environment: Environment) -> Iterator[str]:
    """Objects that the Kubernetes API of that version would refuse; unknown fields are mistakes."""
    for found in environment.objects:
        group = found["apiVersion"].rpartition("/")[0]
        if group == "keda.sh" or group in OTHER_GROUPS:
            continue
        try:
            validate(found, KUBERNETES, strict=True)
        except ValidationError as error:
            yield f"{environment.name}: {named(found)}: {error}".splitlines()[0]
        except SchemaNotFoundError:
            yield f"{environment.name}: {named(found)}: no such kind in Kubernetes {KUBERNETES}"


def keda_mistakes(environment: Environment, folder: Path = KEDA_CRDS) -> Iterator[str]:
    """Objects that KEDA's CRDs would refuse or prune. Raises Skipped when the CRDs are not there."""
    if not folder.is_dir():
        raise Skipped(f"KEDA's CRDs are not at {folder.parent.parent.name}/{folder.parent.name}/{folder.name}")
    for found in environment.objects:
        if not found["apiVersion"].startswith("keda.sh/"):
            continue
        checker = crd_checker(folder, found["apiVersion"], found["kind"])
        if checker is None:
            yield f"{environment.name}: {named(found)}: KEDA has no such kind"
            continue
        for error in checker.iter_errors(found):
            yield f"{environment.name}: {named(found)}: {error.json_path}: {error.message}"


@cache
def crd_checker(folder: Path, api_version: str, kind: str) -> Any:
    """A validator by the CRD of that kind; None: there is none. What the API server would prune is refused."""
    path = folder / f"keda.sh_{kind.lower()}s.yaml"
    for definition in read_objects(path) if path.is_file() else ():
        for version in definition["spec"]["versions"]:
            if f"{definition['spec']['group']}/{version['name']}" == api_version:
                return jsonschema.Draft7Validator(closed(version["schema"]["openAPIV3Schema"], top=True))
    return None


def closed(schema: dict[str, Any], *, top: bool = False) -> dict[str, Any]:
    """The schema, refusing properties that it does not name (but in `metadata`, and where it keeps unknown ones)."""
    result = dict(schema)
    properties = result.get("properties")
    if properties and not result.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
        result["properties"] = {
            name: inner if top and name == "metadata" else closed(inner) for name, inner in properties.items()
        }
    for field in ("items", "additionalProperties"):
        if isinstance(result.get(field), dict):
            result[field] = closed(result[field])
    return result


def named(found: Mapping[str, Any]) -> str:
    """`Kind name`, for messages."""
    return f"{found['kind']} {found['metadata']['name']}"
