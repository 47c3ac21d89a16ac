"""service.yaml against the code: every queue, table, container, call and scope, in both directions."""

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache

from chassis.manifest import ServiceManifest
from infra.checks.code_use import ALL_SERVICES, CodeUse
from infra.checks.source import Place, Sources, Unresolved
from infra.image.contents import ROOT, closure


def declared_mistakes(manifests: Mapping[str, ServiceManifest], code: Mapping[str, CodeUse]) -> Iterator[str]:
    """What the code uses and service.yaml does not name, and the other way round."""
    for service, manifest in manifests.items():
        use = code[service]
        yield from use.unresolved
        named = {
            "queues": ({queue.name for queue in manifest.queues}, use.consumes),
            "sends": (set(manifest.sends), use.sends),
            "tables": (set(manifest.tables), use.tables),
            "containers": (set(manifest.containers), use.containers),
        }
        for field, (declared, used) in named.items():
            yield from _both_ways(f"{service}: service.yaml {field}", declared, used)
        if ALL_SERVICES not in use.asks:
            for target in sorted(manifest.calls.keys() - use.asks.keys()):
                yield f"{service}: service.yaml calls: {target} is not asked by the code"
    yield from _receivers(manifests)
    yield from _scopes(manifests)


def _both_ways(where: str, declared: set[str], used: Mapping[str, Place]) -> Iterator[str]:
    for name in sorted(used.keys() - declared):
        yield f"{where}: {name} is missing ({used[name]} uses it)"
    for name in sorted(declared - used.keys()):
        yield f"{where}: {name} is used nowhere in the code"


def _receivers(manifests: Mapping[str, ServiceManifest]) -> Iterator[str]:
    """Each queue has one consumer, and nobody sends where nobody reads."""
    consumers: dict[str, str] = {}
    for service, manifest in manifests.items():
        for queue in manifest.queues:
            if queue.name in consumers:
                yield f"{queue.name} is consumed by {consumers[queue.name]} and {service}"
            consumers[queue.name] = service
    for service, manifest in manifests.items():
        for name in sorted(set(manifest.sends) - consumers.keys()):
            yield f"{service} sends to {name}, which no service consumes"
    sent = {name for manifest in manifests.values() for name in manifest.sends}
    subscribed = {entry.queue for manifest in manifests.values() for entry in manifest.subscriptions}
    for name in sorted(consumers.keys() - sent - subscribed):
        yield f"{name} is consumed by {consumers[name]}, and nobody sends to it"


def _scopes(manifests: Mapping[str, ServiceManifest]) -> Iterator[str]:
    """Every route's scope is asked for by the service's own code too, and every scope called with is its target's."""
    for service, manifest in manifests.items():
        routed = {route.scope for route in manifest.routes if route.scope}
        known = known_scopes(service)
        for scope in sorted(routed - known.keys()):
            yield f"{service}: the edge asks for {scope}, the service itself does not"
        for scope in sorted(known.keys() - routed - called_scopes(manifests)):
            yield f"{service}: {known[scope]} asks for {scope}, which no route and no caller has"
    for service, manifest in manifests.items():
        for target, scopes in manifest.calls.items():
            for scope in sorted(set(scopes) - known_scopes(target).keys()):
                yield f"{service} calls {target} with {scope}, which {target} asks nobody for"


def called_scopes(manifests: Mapping[str, ServiceManifest]) -> set[str]:
    """Every scope that a service calls another with."""
    return {scope for manifest in manifests.values() for scopes in manifest.calls.values() for scope in scopes}


@cache
def known_scopes(service: str) -> dict[str, Place]:
    """The scopes that a service's own code asks for: what `requires` is given, and its names for scopes (SCOPE = …)."""
    modules = frozenset(name for name in closure(service) if name.startswith(f"functions.{service}"))
    sources = Sources(ROOT, modules, closure(service))
    found: dict[str, Place] = {}
    for place, call in sources.calls_of("requires"):
        for given in call.args:
            with suppress(Unresolved):
                found.update(dict.fromkeys(sources.strings(place.module, given), place))
    for module in modules:
        for node in ast.walk(sources.tree(module)):
            value = node.value if isinstance(node, ast.Assign) else None
            text = str(value.value) if isinstance(value, ast.Constant) else ""
            if _SCOPE.fullmatch(text) and text.startswith(f"{service}."):
                found.setdefault(text, Place(module, node))
    return found


_SCOPE = re.compile(r"[a-z]+\.(read|write|send|ingest|admin|manage|on-behalf)")
