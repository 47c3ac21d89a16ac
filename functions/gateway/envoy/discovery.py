"""xDS over REST: the present resources of each kind, versioned by their content."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.manifest import ServiceManifest
from chassis.settings import Settings
from functions.gateway.envoy.clusters import cluster
from functions.gateway.envoy.listener import listener
from functions.gateway.envoy.resource import TYPE_PREFIX, Resource
from functions.gateway.envoy.routes import route_table

Kind = Literal["listeners", "routes", "clusters"]

TYPES: dict[Kind, str] = {
    "listeners": TYPE_PREFIX + "envoy.config.listener.v3.Listener",
    "routes": TYPE_PREFIX + "envoy.config.route.v3.RouteConfiguration",
    "clusters": TYPE_PREFIX + "envoy.config.cluster.v3.Cluster",
}
JWKS_PATH = "/identity/.well-known/jwks.json"


class NodeMetadata(BaseModel):
    """What an Envoy instance says of itself in its bootstrap: the address it is to listen on."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    edge_host: str = Field(alias="edgeHost", min_length=1, max_length=255)
    edge_port: int = Field(alias="edgePort", ge=1, le=65535)


class Node(BaseModel):
    """The sender of a discovery request; all but its metadata is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    metadata: NodeMetadata


class DiscoveryRequest(BaseModel):
    """The part of Envoy's DiscoveryRequest that an answer depends on.

    `version_info` is what the instance uses now; empty at first.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version_info: str = ""
    node: Node


@dataclass(frozen=True)
class Discovered:
    """The answer to a discovery request; `body` is a DiscoveryResponse in JSON."""

    version: str
    body: bytes


def discover(
    kind: Kind, request: DiscoveryRequest, manifests: Sequence[ServiceManifest], settings: Settings
) -> Discovered | None:
    """The resources of one kind for the asking instance; None when it has them already."""
    answer = _versioned(kind, resources(kind, request.node.metadata, manifests, settings))
    return None if answer.version == request.version_info else answer


def resources(
    kind: Kind, node: NodeMetadata, manifests: Sequence[ServiceManifest], settings: Settings
) -> list[Resource]:
    """The resources of one kind, in an order that depends on nothing but the manifests."""
    if kind == "clusters":
        return [cluster(manifest.service, settings.service_url(manifest.service)) for manifest in manifests]
    if kind == "routes":
        return [route_table(manifests)]
    return [
        listener(
            host=node.edge_host,
            port=node.edge_port,
            issuer=settings.issuer,
            audience=settings.audience,
            jwks_uri=settings.service_url("identity") + JWKS_PATH,
        )
    ]


def _versioned(kind: Kind, found: list[Resource]) -> Discovered:
    typed_resources = [{"@type": TYPES[kind], **resource} for resource in found]
    version = hashlib.sha256(_json(typed_resources)).hexdigest()[:16]
    body = {"version_info": version, "type_url": TYPES[kind], "resources": typed_resources}
    return Discovered(version, _json(body))


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
