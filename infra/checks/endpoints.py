"""The names by which the edge reaches single pods: what the gateway tells it to ask for, and what leads there."""

import os
from collections.abc import Iterator, Mapping
from unittest.mock import patch
from urllib.parse import SplitResult, urlsplit

from chassis.manifest import ServiceManifest
from chassis.settings import Settings, SettingsError, read_settings
from infra.checks.manifests import NAME, Environment, Object, containers

LABELS = {"app.kubernetes.io/component": "endpoints"}
"""By it a roll-out finds them: they must be there before a gateway that has the edge ask for them."""

KNOWN_S = 32
"""How long the edge may know a pod that has begun to end: CoreDNS keeps an answer 30 s, and is asked every 2 s."""


def endpoint_mistakes(environment: Environment, manifests: Mapping[str, ServiceManifest]) -> Iterator[str]:
    """Services whose pods the edge would not find, not see one by one, or ask when they have ended."""
    settings = _gateways(environment)
    if settings is not None:
        for service in manifests:
            url = urlsplit(settings.edge_service_url(service))
            yield from (f"{environment.name}: {line}" for line in _service(environment, service, url))


def _service(environment: Environment, service: str, url: SplitResult) -> Iterator[str]:
    where = f"Service {url.hostname}"
    found, ordinary = environment.find("Service", url.hostname or ""), environment.find("Service", service)
    deployment = environment.find("Deployment", service)
    if found is None or ordinary is None or deployment is None:
        yield f"{where}: is missing, and the edge asks for it to reach {service}"
        return
    yield from (f"{where}: {line}" for line in _pods(found, ordinary))
    if {NAME: service, **LABELS}.items() - found["metadata"].get("labels", {}).items():
        yield f"{where}: a roll-out of {service} does not find it by its labels"
    yield from (f"{where}: {line}" for line in _deployment(deployment, url.port or 80))


def _gateways(environment: Environment) -> Settings | None:
    """The gateway's settings; None when they can't be used, which is another check's finding."""
    with patch.dict(os.environ, environment.variables("gateway"), clear=True):
        try:
            return read_settings()
        except SettingsError:
            return None


def _pods(found: Object, ordinary: Object) -> Iterator[str]:
    spec = found["spec"]
    if spec.get("clusterIP") != "None":
        yield "is not headless: the edge would see one address for all pods"
    if spec.get("publishNotReadyAddresses"):
        yield "names pods that are not ready"
    if spec.get("selector") != ordinary["spec"]["selector"]:
        yield f"selects {spec.get('selector')}, the ordinary Service {ordinary['spec']['selector']}"


def _deployment(deployment: Object, port: int) -> Iterator[str]:
    """A headless name leads to pods, past any port of a Service, and to one that ends for a while yet."""
    [app] = containers(deployment)
    if port not in (given["containerPort"] for given in app["ports"]):
        yield f"the edge asks at port {port}, where the pods do not listen"
    waits_s = int(app["lifecycle"]["preStop"]["exec"]["command"][-1])
    if waits_s <= KNOWN_S:
        yield f"pods end {waits_s} s after they are left out; the edge may ask them for {KNOWN_S} s"
