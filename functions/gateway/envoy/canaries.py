"""Canaries: a new version of a service that gets a share of the edge's requests (weighted clusters)."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from functions.gateway.envoy.resource import Resource

FILE = "canaries.json"
log = logging.getLogger(__name__)


def canary_of(service: str) -> str:
    """The name of a service's canary: its Envoy cluster, its Kubernetes Service."""
    return f"{service}-canary"


def read_canaries(folder: Path) -> dict[str, int]:
    """Service → per cent of its requests, from `canaries.json` beside the manifests; none when there is no such file.

    A file that can't be used gives no canary a request: what is there takes them all.
    """
    try:
        content: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
        shares = {str(service): share for service, share in content.items() if 0 < share <= 100}
        if any(not isinstance(share, int) for share in shares.values()):
            raise ValueError("a share is a whole number")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        log.error("%s is not used: %s", FILE, error)
        return {}
    return shares


def with_canaries(scopes: Sequence[Resource], shares: Mapping[str, int]) -> list[Resource]:
    """The route scopes with their routes' requests divided between a service and its canary."""
    for scope in scopes:
        for host in scope["route_configuration"]["virtual_hosts"]:
            for route in host["routes"]:
                action = route.get("route", {})
                service = action.get("cluster")
                if service in shares:
                    del action["cluster"]
                    action["weighted_clusters"] = _divided(str(service), shares[service])
    return list(scopes)


def _divided(service: str, share: int) -> Resource:
    parts = {service: 100 - share, canary_of(service): share}
    return {"clusters": [{"name": name, "weight": weight} for name, weight in parts.items() if weight]}
