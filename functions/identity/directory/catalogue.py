"""Which scopes there are: those that the services' routes ask for."""

from functools import lru_cache
from pathlib import Path

from chassis.manifest import read_manifests
from functions.identity.scopes import INTERNAL, OPERATOR


@lru_cache(maxsize=4)
def grantable_scopes(manifests_dir: Path) -> frozenset[str]:
    """What a tenant's role, client or API key may have. Raises ManifestError."""
    routed = {route.scope for manifest in read_manifests(manifests_dir).values() for route in manifest.routes}
    return frozenset(scope for scope in routed if scope is not None) - INTERNAL - OPERATOR
