"""Carries a service's canary through on the cluster of the present kubeconfig, or takes it back.

`python -m infra.pipelines.rollout metadata` exits with 0 when the canary may take the stable's place, else with 1; with
a second argument it only sets the canary's share: `… metadata 0` takes it back. PROMETHEUS_URL names the Azure Monitor
workspace; CANARY_LEAST_REQUESTS what a step must have seen (default 50; 0 where nobody asks, as in a new environment).
"""

import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from typing import Any

from infra.pipelines.canary import Patience, carry

NAMESPACE = "platform"
CONFIG_MAP, FILE = "canaries", "canaries.json"
TRIES = 10
_AUDIENCE = "https://prometheus.monitor.azure.com"


class RolloutError(RuntimeError):
    """kubectl or az did not do what was asked; the message has their words."""


def give_share(service: str, share: int, kubectl: str = "kubectl") -> None:
    """Write the canary's per cent into the ConfigMap that the gateway mounts; other services' canaries stay.

    Services roll out side by side: what another wrote in between makes the API server refuse the change (its
    resourceVersion), and it is made again. Raises RolloutError.
    """
    for _ in range(TRIES):
        found = _read(kubectl)
        shares = json.loads(found["data"].get(FILE, "{}"))
        found["data"][FILE] = json.dumps({**shares, service: share}, sort_keys=True)
        verb = "replace" if "resourceVersion" in found["metadata"] else "create"
        done = _run(kubectl, "-n", NAMESPACE, verb, "-f", "-", given=json.dumps(found))
        if done.returncode == 0:
            return
        if "Conflict" not in done.stderr and "AlreadyExists" not in done.stderr:
            raise RolloutError(done.stderr.strip())
        time.sleep(0.2)
    raise RolloutError(f"ConfigMap {CONFIG_MAP} was changed by others {TRIES} times in a row")


def _read(kubectl: str) -> dict[str, Any]:
    done = _run(kubectl, "-n", NAMESPACE, "get", "configmap", CONFIG_MAP, "--ignore-not-found", "-o", "json")
    if done.returncode:
        raise RolloutError(done.stderr.strip())
    new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG_MAP, "namespace": NAMESPACE}}
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else new
    return {"data": {}, **found}


def ask_prometheus(query: str) -> float | None:
    """One instant query over the HTTP API, with the pipeline's own identity."""
    token = _run("az", "account", "get-access-token", "--resource", _AUDIENCE, "--query", "accessToken", "-o", "tsv")
    if token.returncode:
        raise RolloutError(token.stderr.strip())
    body = urllib.parse.urlencode({"query": query}).encode()
    url = f"{os.environ['PROMETHEUS_URL']}/api/v1/query"
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {token.stdout.strip()}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the address is the pipeline's own
        result = json.load(answer)["data"]["result"]
    value = float(result[0]["value"][1]) if result else None
    return None if value is None or value != value else value


def _run(*command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)  # noqa: S603


def main(arguments: list[str]) -> int:
    """0: the canary may take the stable's place, or its share was set; 1: it was taken back."""
    service, *share = arguments
    if share:
        give_share(service, int(share[0]))
        return 0
    patience = Patience(least_requests=int(os.environ.get("CANARY_LEAST_REQUESTS") or Patience.least_requests))
    good = carry(service, lambda share: give_share(service, share), ask_prometheus, time.sleep, _tell, patience)
    return 0 if good else 1


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
