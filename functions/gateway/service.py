"""What the gateway app does: serves the edge's configuration, tells what is routed, merges the API documents."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from time import monotonic

from chassis.errors import PlatformError
from chassis.manifest import RateLimit
from chassis.settings import Settings
from functions.gateway.envoy.canaries import read_canaries
from functions.gateway.envoy.discovery import Discovered, Discovery, DiscoveryRequest, Kind, Layout
from functions.gateway.envoy.routes import ordered
from functions.gateway.manifests import Catalog
from functions.gateway.openapi import Document, is_mergeable, merge
from functions.gateway.schemas import EdgeRoute, EdgeRoutes, RefusedManifest
from functions.gateway.watch import Watch

FRESH_FOR_S = 15.0
FetchDocument = Callable[[str], Awaitable[Document]]
"""Gives a service's OpenAPI document; raises PlatformError when it can't be had."""

FetchKeys = Callable[[], Awaitable[Document]]
"""Gives identity's JWK set; raises DependencyUnavailable when it was never had."""


@dataclass
class Gateway:
    """The gateway over the manifests in a folder and the services' documents."""

    settings: Settings
    catalog: Catalog
    fetch_document: FetchDocument
    fetch_keys: FetchKeys
    version: str
    watch: Watch
    now: Callable[[], float] = monotonic
    _discovery: Discovery = field(default_factory=Discovery)
    _merged: Document | None = None
    _merged_at: float = 0.0
    _merging: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def discover(self, kind: Kind, request: DiscoveryRequest) -> Discovered | None:
        """The edge's resources of a kind; None when the asking Envoy has them already.

        Raises DependencyUnavailable while identity's keys were never had: the asking Envoy goes on with those it has.
        """
        self.watch.saw(request.node.id)
        await self.watch.look()
        instances, canaries = sorted(self.watch.instances), read_canaries(self.catalog.folder)
        keys = await self.fetch_keys() if kind == "extension_configs" else {}
        layout = Layout(self.catalog.manifests(), self.settings, self.watch.standings, instances, canaries, keys)
        return self._discovery.answer(kind, request, layout)

    def routes(self) -> EdgeRoutes:
        """What is routed, in order, and which manifests were refused."""
        manifests = self.catalog.manifests()
        limits: dict[str, RateLimit] = {manifest.service: manifest.rate_limit for manifest in manifests}
        items = tuple(
            EdgeRoute(
                service=service,
                path=route.path,
                methods=route.methods,
                scope=route.scope,
                timeout_seconds=route.timeout_seconds,
                max_body_bytes=route.max_body_bytes,
                idempotent=route.idempotent,
                rate_limit=limits[service],
            )
            for service, route in ordered(manifests)
        )
        refused = tuple(RefusedManifest.model_validate(asdict(one)) for one in self.catalog.refused())
        return EdgeRoutes(items=items, refused=refused)

    async def openapi(self) -> Document:
        """The merged OpenAPI document, at most FRESH_FOR_S old."""
        async with self._merging:
            if self._merged is None or self.now() - self._merged_at > FRESH_FOR_S:
                self._merged, self._merged_at = await self._merge(), self.now()
            return self._merged

    async def _merge(self) -> Document:
        manifests = self.catalog.manifests()
        names = [manifest.service for manifest in manifests]
        found = await asyncio.gather(*map(self._document, names))
        documents: dict[str, Document] = {
            name: document for name, document in zip(names, found, strict=True) if document is not None
        }
        return merge(documents, manifests, edge_url=self.settings.edge_url, version=self.version)

    async def _document(self, service: str) -> Document | None:
        try:
            found = await self.fetch_document(service)
        except PlatformError:
            return None
        return found if is_mergeable(found) else None
