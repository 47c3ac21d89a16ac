"""Gateway's contracts."""

from chassis.manifest import Method, RateLimit
from chassis.models import Contract


class EdgeRoute(Contract):
    """One route as the edge enforces it; `scope` is null where no token is needed."""

    service: str
    path: str
    methods: tuple[Method, ...]
    scope: str | None
    timeout_seconds: float
    max_body_bytes: int
    idempotent: bool
    rate_limit: RateLimit


class RefusedManifest(Contract):
    """A service.yaml that is not used; the service's last good routes stay."""

    service: str
    reason: str


class EdgeRoutes(Contract):
    """All that is routed, in the order in which the edge tries it, and what was refused."""

    items: tuple[EdgeRoute, ...]
    refused: tuple[RefusedManifest, ...]
