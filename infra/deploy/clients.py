"""The identity service's clients on AKS: each service by its Kubernetes service account, with the scopes it calls with.

`python -m infra.deploy.clients ISSUER` prints clients.json for the cluster's OIDC issuer. No secret is in it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from chassis.manifest import read_manifests
from infra.image.contents import ROOT

AUDIENCE = "platform"
"""Of the projected token (keda/components/functions-app)."""

NAMESPACE = "platform"
EVERY_SERVICE_SENDS = ("monitoring.ingest",)


def clients(issuer: str, root: Path = ROOT) -> list[dict[str, Any]]:
    """One client a service, in the form of functions/identity/schemas.py `Client`."""
    return [
        {
            "clientId": f"svc-{service}",
            "tenant": "platform",
            "kind": "service",
            "scopes": sorted(
                {*EVERY_SERVICE_SENDS, *(scope for scopes in manifest.calls.values() for scope in scopes)}
            ),
            "federated": [
                {"issuer": issuer, "subject": f"system:serviceaccount:{NAMESPACE}:{service}", "audience": AUDIENCE}
            ],
        }
        for service, manifest in read_manifests(root / "functions").items()
    ]


if __name__ == "__main__":
    print(json.dumps(clients(sys.argv[1]), indent=2))
