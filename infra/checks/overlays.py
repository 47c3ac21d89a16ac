"""The overlays themselves: built as kustomize builds them, with all that a service needs."""

from collections.abc import Iterator, Mapping

from ruamel.yaml import YAML

from chassis.manifest import ServiceManifest
from infra.checks.manifests import NAME, Environment, Object, containers
from infra.checks.tools import run, tool
from infra.image.contents import ROOT

KINDS = ("Deployment", "Service", "ServiceAccount", "NetworkPolicy", "PodDisruptionBudget", "ScaledObject")
BY_PIPELINE = frozenset({"canaries", "identity-clients"})
"""ConfigMaps that a roll-out or infra/deploy writes."""


def kustomize_mistakes(environment: Environment) -> Iterator[str]:
    """Where our builder and kustomize itself differ. Raises Skipped where kustomize is not at hand."""
    binary = tool("kustomize", "kubectl", instead="overlays were built by infra/kustomize alone")
    command = [binary, "build"] if binary.endswith("kustomize") else [binary, "kustomize"]
    done = run(*command, ROOT / "keda" / "overlays" / environment.name)
    if done.returncode:
        yield f"{environment.name}: {done.stderr.strip()}"
        return
    real = {_key(found): found for found in YAML(typ="safe", pure=True).load_all(done.stdout)}
    ours = {_key(found): found for found in environment.objects}
    for key in sorted(real.keys() ^ ours.keys()):
        builder = "kustomize" if key in real else "infra/kustomize"
        yield f"{environment.name}: {' '.join(key)} is built by {builder} alone"
    for key in sorted(real.keys() & ours.keys()):
        if real[key] != ours[key]:
            yield f"{environment.name}: {' '.join(key)} differs from what kustomize builds"


def _key(found: Object) -> tuple[str, str]:
    return str(found["kind"]), str(found["metadata"]["name"])


OF_NO_DEPLOYMENT = {"default-deny", "dns", "operator"}
"""Objects of the namespace: what is denied to all, and the account by which people sign in as operators."""


def completeness_mistakes(environment: Environment, manifests: Mapping[str, ServiceManifest]) -> Iterator[str]:
    """What is missing of a service's objects, what no service has, and pods that are less than locked down."""
    wanted = {*manifests, "edge"}
    for service in sorted(wanted):
        for kind in KINDS:
            if environment.find(kind, service) is None:
                yield f"{environment.name}: {service} has no {kind}"
    for deployment in environment.of_kind("Deployment"):
        yield from (f"{environment.name}: {line}" for line in _deployment(environment, deployment, wanted))
    for kind in KINDS[1:]:
        for found in environment.of_kind(kind):
            name = found["metadata"]["labels"].get(NAME) if found["metadata"].get("labels") else None
            deployed = name and environment.find("Deployment", name)
            if not deployed and found["metadata"]["name"] not in OF_NO_DEPLOYMENT:
                yield f"{environment.name}: {kind} {found['metadata']['name']} belongs to no Deployment"


def _deployment(environment: Environment, deployment: Object, wanted: set[str]) -> Iterator[str]:
    name, pod = deployment["metadata"]["name"], deployment["spec"]["template"]["spec"]
    where = f"Deployment {name}"
    if "replicas" in deployment["spec"] and environment.find("ScaledObject", name):
        yield f"{where}: replicas are the ScaledObject's"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for kind in ("Service", "PodDisruptionBudget"):
        selector = (environment.find(kind, name) or {"spec": {"selector": {}}})["spec"]["selector"]
        pairs = selector.get("matchLabels", selector)
        if not pairs.items() <= labels.items():
            yield f"{where}: {kind} selects {pairs}, not these pods"
    for container in containers(deployment):
        yield from (f"{where}: {line}" for line in _container(container))
    if name in wanted and not pod["containers"][0]["image"].partition("@")[0].partition(":")[0].endswith(f"/{name}"):
        yield f"{where}: runs {pod['containers'][0]['image']}"
    for source in _references(pod):
        if (
            environment.find("ConfigMap", source) is None
            and not source.endswith("-manifest")
            and source not in BY_PIPELINE
        ):
            yield f"{where}: there is no ConfigMap {source}"
    if name in wanted and pod.get("serviceAccountName") != name:
        yield f"{where}: runs as {pod.get('serviceAccountName')}"


def _container(container: Object) -> Iterator[str]:
    security = container.get("securityContext", {})
    if not security.get("readOnlyRootFilesystem"):
        yield "its root file system can be written"
    if not any(mount["mountPath"] == "/tmp" for mount in container.get("volumeMounts", ())):  # noqa: S108 - a mount
        yield "has nowhere to write: no volume at /tmp"
    if security.get("allowPrivilegeEscalation") is not False or security.get("capabilities") != {"drop": ["ALL"]}:
        yield "may gain privileges"
    for field in ("startupProbe", "livenessProbe", "readinessProbe"):
        if field not in container:
            yield f"has no {field}"
    resources = container.get("resources", {})
    for field in ("requests", "limits"):
        if not {"cpu", "memory"} <= resources.get(field, {}).keys():
            yield f"has no {field} of CPU and memory"


def _references(pod: Object) -> Iterator[str]:
    for container in pod["containers"]:
        yield from (found["configMapRef"]["name"] for found in container.get("envFrom", ()) if "configMapRef" in found)
    for volume in pod.get("volumes", ()):
        sources = volume.get("projected", {}).get("sources", ())
        yield from (found["configMap"]["name"] for found in sources if "configMap" in found)
