"""Whether a canary goes on: its error rate and latency at the edge, beside those of what is there.

`python -m infra.pipelines.canary metadata` asks Prometheus (PROMETHEUS_URL, PROMETHEUS_TOKEN); it exits with 1 for
roll-back.
"""

import json
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass

STEPS = (5, 25, 50, 100)
"""Per cent of the edge's requests that the canary gets, one step after the other."""

LEAST_REQUESTS = 50
"""Fewer say nothing: the canary waits at its step."""

MORE_ERRORS = 0.01
SLOWER = 1.5
WINDOW = "5m"
_LATENCY = "envoy_cluster_upstream_rq_time_bucket"

Ask = Callable[[str], float | None]
"""A PromQL query and its one value; None: there is none."""


@dataclass(frozen=True)
class Seen:
    """What the edge saw of one Envoy cluster in the window: requests, share of 5xx, and 99th percentile in ms."""

    requests: float
    errors: float
    p99_ms: float | None


@dataclass(frozen=True)
class Verdict:
    """`promote`, `wait` or `roll-back`, and why."""

    decision: str
    reason: str


def judge(canary: Seen, stable: Seen) -> Verdict:
    """Compare the canary with what is there."""
    if canary.requests < LEAST_REQUESTS:
        return Verdict("wait", f"{canary.requests:.0f} requests of {LEAST_REQUESTS}")
    if canary.errors > stable.errors + MORE_ERRORS:
        return Verdict("roll-back", f"{canary.errors:.1%} of its requests fail, {stable.errors:.1%} of the others")
    if canary.p99_ms and stable.p99_ms and canary.p99_ms > SLOWER * stable.p99_ms:
        return Verdict("roll-back", f"its p99 is {canary.p99_ms:.0f} ms, that of the others {stable.p99_ms:.0f} ms")
    return Verdict("promote", f"{canary.errors:.1%} of {canary.requests:.0f} requests fail")


def queries(cluster: str) -> Mapping[str, str]:
    """What is asked of the edge's statistics about one cluster."""
    where = f'envoy_cluster_name="{cluster}"'
    return {
        "requests": f"sum(increase(envoy_cluster_upstream_rq_total{{{where}}}[{WINDOW}]))",
        "failed": f'sum(increase(envoy_cluster_upstream_rq_xx{{{where},envoy_response_code_class="5"}}[{WINDOW}]))',
        "refused": f"sum(increase(envoy_cluster_upstream_cx_connect_fail{{{where}}}[{WINDOW}]))",
        "p99": f"histogram_quantile(0.99, sum by (le) (rate({_LATENCY}{{{where}}}[{WINDOW}])))",
    }


def seen(cluster: str, ask: Ask) -> Seen:
    """One cluster's figures; connections refused are failed requests."""
    found = {name: ask(query) for name, query in queries(cluster).items()}
    refused = found["refused"] or 0.0
    requests = (found["requests"] or 0.0) + refused
    failed = (found["failed"] or 0.0) + refused
    return Seen(requests, failed / requests if requests else 0.0, found["p99"])


def ask_prometheus(url: str, token: str) -> Ask:
    """Instant queries over the HTTP API."""

    def ask(query: str) -> float | None:
        body = urllib.parse.urlencode({"query": query}).encode()
        request = urllib.request.Request(f"{url}/api/v1/query", body, {"Authorization": f"Bearer {token}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the address is the pipeline's own
            result = json.load(answer)["data"]["result"]
        value = float(result[0]["value"][1]) if result else None
        return None if value is None or value != value else value

    return ask


def main(arguments: list[str]) -> int:
    """0: promote; 1: roll back; 3: wait."""
    [service] = arguments
    ask = ask_prometheus(os.environ["PROMETHEUS_URL"], os.environ["PROMETHEUS_TOKEN"])
    verdict = judge(seen(f"{service}-canary", ask), seen(service, ask))
    print(f"{verdict.decision}: {verdict.reason}")
    return {"promote": 0, "roll-back": 1, "wait": 3}[verdict.decision]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
