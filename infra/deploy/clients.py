"""The identity service's clients on AKS: each service by its Kubernetes service account, with the scopes it calls with;
the operators by one of their own; the console, where users sign in.

`python -m infra.deploy.clients ISSUER [EDGE_URL]` prints clients.json for the cluster's OIDC issuer, with the console
when the edge's address is given. No secret is in it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from chassis.manifest import ServiceManifest, read_manifests
from infra.image.contents import ROOT

AUDIENCE = "platform"
"""Of the projected token (keda/components/functions-app)."""

NAMESPACE = "platform"
OPERATORS_ACCOUNT = "operator"
"""The service account (keda/base/platform) for which an administrator of the cluster can have a token made."""
EVERY_SERVICE_SENDS = ("monitoring.ingest",)
OPERATORS_ONLY = ("gateway.write", "identity.keys", "identity.tenants")
"""As in functions/identity/scopes.py, which is another team's code: a test holds the two together."""


def clients(issuer: str, edge_url: str | None = None, root: Path = ROOT) -> list[dict[str, Any]]:
    """All clients, in the form of functions/identity/schemas.py `Client`."""
    found = [_service(manifest, issuer) for manifest in read_manifests(root / "functions").values()]
    found.append(
        {
            "clientId": "operator",
            "tenant": "platform",
            "kind": "application",
            "scopes": list(OPERATORS_ONLY),
            "federated": [_account(issuer, OPERATORS_ACCOUNT)],
        }
    )
    return found if edge_url is None else [*found, _console(edge_url, root)]


def _service(manifest: ServiceManifest, issuer: str) -> dict[str, Any]:
    called = {scope for scopes in manifest.calls.values() for scope in scopes}
    return {
        "clientId": f"svc-{manifest.service}",
        "tenant": "platform",
        "kind": "service",
        "scopes": sorted({*EVERY_SERVICE_SENDS, *called}),
        "grants": ["client_credentials", *(["token_exchange"] if "identity" in manifest.calls else [])],
        "federated": [_account(issuer, manifest.service)],
    }


def _console(edge_url: str, root: Path) -> dict[str, Any]:
    routes = [route for manifest in read_manifests(root / "functions").values() for route in manifest.routes]
    scopes = {route.scope for route in routes if route.scope} - {*EVERY_SERVICE_SENDS, *OPERATORS_ONLY}
    return {
        "clientId": "console",
        "tenant": "platform",
        "kind": "application",
        "scopes": sorted(scopes),
        "public": True,
        "grants": ["authorization_code", "refresh_token"],
        "redirectUris": [f"{edge_url}/console/", f"{edge_url}/console/callback"],
    }


def _account(issuer: str, name: str) -> dict[str, str]:
    return {"issuer": issuer, "subject": f"system:serviceaccount:{NAMESPACE}:{name}", "audience": AUDIENCE}


if __name__ == "__main__":
    print(json.dumps(clients(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None), indent=2))
