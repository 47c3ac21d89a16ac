"""NetworkPolicies against who calls whom."""

from collections.abc import Iterator, Mapping

from chassis.manifest import ServiceManifest
from infra.checks.code_use import ALL_SERVICES, CodeUse
from infra.checks.manifests import NAME, Environment, Object

EDGE = "edge"
READS_ALL = {"gateway": "their OpenAPI documents", "monitoring": "their health"}
"""Services whose targets are variables in the code, and what for."""


def callers(manifests: Mapping[str, ServiceManifest], code: Mapping[str, CodeUse]) -> dict[str, set[str]]:
    """Service → who asks it: the edge for its routes, services by code; all ask identity for tokens and keys."""
    found: dict[str, set[str]] = {
        service: {EDGE} if manifest.routes else set() for service, manifest in manifests.items()
    }
    for service, use in code.items():
        for target in manifests if ALL_SERVICES in use.asks else use.asks:
            found[target].add(service)
        for target in manifests[service].calls:
            found[target].add(service)
        found["identity"].add(service)
    return {service: names - {service} for service, names in found.items()}


def network_mistakes(
    environment: Environment, manifests: Mapping[str, ServiceManifest], code: Mapping[str, CodeUse]
) -> Iterator[str]:
    """Policies that let in or out another than the callers that the code has; and code that calls undeclared."""
    for service, use in code.items():
        if ALL_SERVICES in use.asks and service not in READS_ALL:
            yield f"{service} asks services that can't be told from its code ({use.asks[ALL_SERVICES]})"
        for target in sorted(use.asks.keys() - manifests[service].calls.keys() - {ALL_SERVICES, "identity"}):
            yield f"{service} asks {target} ({use.asks[target]}); its service.yaml does not say so under calls"
    expected = callers(manifests, code)
    for service in manifests:
        policy = environment.find("NetworkPolicy", service)
        where = f"{environment.name}: NetworkPolicy {service}"
        if policy is None:
            yield f"{where}: is missing"
            continue
        yield from _differences(where, "lets in", peers(policy, "ingress", "from"), expected[service])
        targets = {target for target, names in expected.items() if service in names}
        yield from _differences(where, "lets it reach", peers(policy, "egress", "to"), targets)
        if policy["spec"]["policyTypes"] != ["Ingress", "Egress"]:
            yield f"{where}: must speak of both directions"
    edge = environment.find("NetworkPolicy", EDGE)
    routed = {service for service, manifest in manifests.items() if manifest.routes}
    yield from _differences(
        f"{environment.name}: NetworkPolicy edge", "lets it reach", peers(edge, "egress", "to"), routed
    )
    denial = environment.find("NetworkPolicy", "default-deny")
    if denial is None or denial["spec"] != {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}:
        yield f"{environment.name}: everything must be denied by default"


def peers(policy: Object | None, direction: str, side: str) -> set[str]:
    """The names of the platform's own pods in a policy's rules."""
    rules = policy["spec"].get(direction, ()) if policy else ()
    found = (peer for rule in rules for peer in rule.get(side, ()) if "namespaceSelector" not in peer)
    labels = (peer["podSelector"]["matchLabels"] for peer in found if "podSelector" in peer)
    return {given[NAME] for given in labels if NAME in given}


def _differences(where: str, verb: str, found: set[str], expected: set[str]) -> Iterator[str]:
    for name in sorted(found - expected):
        yield f"{where}: {verb} {name}, which the code does not need"
    for name in sorted(expected - found):
        yield f"{where}: {verb} not {name}, which the code needs"
