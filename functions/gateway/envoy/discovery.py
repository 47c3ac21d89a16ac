"""xDS over REST: the present resources of each kind, versioned by their content."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.manifest import Bucket, ServiceManifest
from chassis.settings import Settings
from functions.gateway.envoy.access import Issuer
from functions.gateway.envoy.api_keys import exchange_cluster
from functions.gateway.envoy.canaries import canary_of, with_canaries
from functions.gateway.envoy.checks import Checks
from functions.gateway.envoy.clusters import cluster, instances
from functions.gateway.envoy.gate import ModuleChecks
from functions.gateway.envoy.listener import Entry, listener
from functions.gateway.envoy.native import NativeChecks
from functions.gateway.envoy.rate_limits import Standings
from functions.gateway.envoy.resource import TYPE_PREFIX, Resource
from functions.gateway.envoy.routes import route_scopes
from functions.gateway.envoy.tls import certificate
from functions.gateway.envoy.unproven import PerAddress

Kind = Literal["listeners", "scoped-routes", "clusters", "endpoints", "secrets", "extension_configs"]

TYPES: dict[Kind, str] = {
    "listeners": TYPE_PREFIX + "envoy.config.listener.v3.Listener",
    "scoped-routes": TYPE_PREFIX + "envoy.config.route.v3.ScopedRouteConfiguration",
    "clusters": TYPE_PREFIX + "envoy.config.cluster.v3.Cluster",
    "secrets": TYPE_PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret",
    "extension_configs": TYPE_PREFIX + "envoy.config.core.v3.TypedExtensionConfig",
    "endpoints": TYPE_PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment",
}

KEPT_ROUTES = 4
"""For so many kinds of instances: by the file of their module."""


class NodeMetadata(BaseModel):
    """What an Envoy instance says of itself in its bootstrap: where it is to listen, and its files for TLS.

    Port 0: no TLS. The files are named, never sent. Without a module its own filters do the checks.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    edge_host: str = Field(alias="edgeHost", min_length=1, max_length=255)
    edge_port: int = Field(alias="edgePort", ge=1, le=65535)
    edge_tls_port: int = Field(default=0, alias="edgeTlsPort", ge=0, le=65535)
    certificate_file: str = Field(default="", alias="edgeTlsCertificate", max_length=1024)
    key_file: str = Field(default="", alias="edgeTlsKey", max_length=1024)
    module_file: str = Field(default="", alias="edgeModule", max_length=1024)

    @property
    def checks(self) -> Checks:
        """What the instance can check with."""
        return ModuleChecks(self.module_file) if self.module_file else NativeChecks()


class Node(BaseModel):
    """The sender of a discovery request: one instance of the edge, and what it says of itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1, max_length=200)
    metadata: NodeMetadata


class DiscoveryRequest(BaseModel):
    """The part of Envoy's DiscoveryRequest that an answer depends on.

    `version_info` is what the instance uses now; empty at first. `resource_names` are those it wants; none means all.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version_info: str = ""
    resource_names: tuple[str, ...] = ()
    node: Node


@dataclass(frozen=True)
class Discovered:
    """The answer to a discovery request; `body` is a DiscoveryResponse in JSON."""

    version: str
    body: bytes


@dataclass(frozen=True)
class Layout:
    """All that the edge's configuration is made of.

    `instances` are the ids of the edge's live Envoys, `canaries` the per cent of a service's requests for its canary,
    `keys` the JWK set of identity.
    """

    manifests: Sequence[ServiceManifest]
    settings: Settings
    standings: Standings = field(default_factory=dict)
    instances: Sequence[str] = ()
    canaries: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, Any] = field(default_factory=dict)


class Discovery:
    """Answers to discovery requests. Those for routes, which take some 50 ms to make, are kept: Envoys ask often."""

    def __init__(self) -> None:
        self._routes: dict[str, tuple[Layout, Discovered]] = {}

    def answer(self, kind: Kind, request: DiscoveryRequest, layout: Layout) -> Discovered | None:
        """The resources of one kind for the asking instance; None when it has them already."""
        if kind == "scoped-routes":
            answer = self._routes_for(request.node, layout)
        else:
            found = resources(kind, request.node, layout)
            if kind == "extension_configs" and request.resource_names:
                found = [one for one in found if one["name"] in request.resource_names]
            answer = _versioned(kind, found)
        return None if answer.version == request.version_info else answer

    def _routes_for(self, node: Node, layout: Layout) -> Discovered:
        # Whose routes they are depends on the instance's checks alone, and they on neither instances nor keys.
        made_of = replace(layout, instances=(), keys={})
        module = node.metadata.module_file
        if module in self._routes and self._routes[module][0] == made_of:
            return self._routes[module][1]
        if len(self._routes) >= KEPT_ROUTES:
            self._routes.clear()
        answer = _versioned("scoped-routes", resources("scoped-routes", node, layout))
        self._routes[module] = made_of, answer
        return answer


def resources(kind: Kind, node: Node, layout: Layout) -> list[Resource]:
    """The resources of one kind, in an order that depends on nothing but the layout."""
    settings, said = layout.settings, node.metadata
    if kind == "clusters":
        return _clusters(layout.manifests, settings, layout.canaries)
    if kind == "scoped-routes":
        scopes = route_scopes(layout.manifests, layout.standings, said.checks, settings.edge_cors_origins)
        return with_canaries(scopes, layout.canaries)
    if kind == "endpoints":
        return [instances({node.id, *layout.instances})]
    if kind == "secrets":
        return [certificate(said.certificate_file, said.key_file)] if said.edge_tls_port else []
    if kind == "extension_configs":
        issuer = Issuer(settings.issuer, settings.audience, layout.keys)
        return said.checks.extensions(issuer, layout.manifests, layout.standings, len({node.id, *layout.instances}))
    return _listeners(said, settings)


def _listeners(said: NodeMetadata, settings: Settings) -> list[Resource]:
    entry = Entry(
        trace_percent=settings.edge_trace_percent,
        header_timeout_s=settings.edge_header_timeout_s,
        request_timeout_s=settings.edge_request_timeout_s,
        cors_origins=settings.edge_cors_origins,
        per_address=PerAddress(
            keys=_twice_at_once(settings.edge_keys_per_s), tokens=_twice_at_once(settings.edge_new_tokens_per_s)
        ),
    )
    found = [listener("edge", said.edge_host, said.edge_port, entry, said.checks)]
    if said.edge_tls_port:
        found.append(listener("edge-tls", said.edge_host, said.edge_tls_port, entry, said.checks, tls=True))
    return found


def _twice_at_once(requests_per_second: int) -> Bucket:
    return Bucket(requests_per_second=requests_per_second, burst=2 * requests_per_second)


def _clusters(manifests: Sequence[ServiceManifest], settings: Settings, canaries: Mapping[str, int]) -> list[Resource]:
    names: list[str] = [manifest.service for manifest in manifests]
    names += [canary_of(name) for name in names if name in canaries]
    found = [cluster(name, settings.edge_service_url(name)) for name in names]
    found.append(exchange_cluster(settings.edge_service_url("gateway")))
    connection = dict(part.split("=", 1) for part in (settings.signalr_connection or "").split(";") if "=" in part)
    if connection.get("Endpoint"):
        found.append(cluster("signalr", connection["Endpoint"], "/api/health"))
    return found


def _versioned(kind: Kind, found: list[Resource]) -> Discovered:
    typed_resources = [{"@type": TYPES[kind], **resource} for resource in found]
    version = hashlib.sha256(_json(typed_resources)).hexdigest()[:16]
    body = {"version_info": version, "type_url": TYPES[kind], "resources": typed_resources}
    return Discovered(version, _json(body))


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
