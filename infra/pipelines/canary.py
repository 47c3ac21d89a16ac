"""Whether a canary goes on: its error rate and latency at the edge, beside those of what is there.

infra/pipelines/rollout.py carries one through on a cluster, tests/integration/edge/test_canaries.py before an Envoy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

STEPS = (5, 25, 50)
"""Per cent of the edge's requests that the canary gets, one step after the other; then it takes the stable's place."""

MORE_ERRORS = 0.01
SLOWER = 1.5
_DURATION = "http_server_request_duration_seconds"
_UNCOUNTED = ("upstream_cx_connect_fail", "upstream_cx_none_healthy")
_UNANSWERED = (*_UNCOUNTED, "upstream_rq_timeout", "upstream_rq_rx_reset")
"""Envoy's counters of what a cluster left without an answer; of the first two it never counts a request."""

Ask = Callable[[str], float | None]
"""A PromQL query and its one value; None: there is none."""

Decision = Literal["promote", "wait", "roll-back"]


@dataclass(frozen=True)
class Patience:
    """How long a step lasts, in seconds, and what it must have seen.

    A step is looked at every `look_s` and ends after `least_s` at the earliest. While the canary has had fewer than
    `least_requests` in this step, nothing can be told: it stays at its step. After `most_s` it is taken back.
    """

    look_s: float = 60
    least_s: float = 300
    most_s: float = 900
    least_requests: int = 50


@dataclass(frozen=True)
class Seen:
    """What the edge saw of one Envoy cluster in the window: requests, share of 5xx, and 99th percentile in ms."""

    requests: float
    errors: float
    p99_ms: float | None


@dataclass(frozen=True)
class Verdict:
    """A decision, and why."""

    decision: Decision
    reason: str


def judge(canary: Seen, stable: Seen, since_s: float, patience: Patience) -> Verdict:
    """Compare the canary with what is there, `since_s` after its step began; both as seen since then."""
    if canary.requests < patience.least_requests:
        told = f"{canary.requests:.0f} requests of the {patience.least_requests} that would tell something"
        if since_s < patience.most_s:
            return Verdict("wait", told)
        return Verdict("roll-back", f"after {since_s:.0f} s it has had {told}")
    if canary.errors > stable.errors + MORE_ERRORS:
        return Verdict("roll-back", f"{canary.errors:.1%} of its requests fail, {stable.errors:.1%} of the others")
    if canary.p99_ms and stable.p99_ms and canary.p99_ms > SLOWER * stable.p99_ms:
        return Verdict("roll-back", f"its p99 is {canary.p99_ms:.0f} ms, that of the others {stable.p99_ms:.0f} ms")
    good = f"{canary.errors:.1%} of {canary.requests:.0f} requests fail"
    return Verdict("promote" if since_s >= patience.least_s else "wait", good)


def queries(cluster: str, window_s: float) -> Mapping[str, str]:
    """What is asked about one cluster: its requests, those that it left unanswered, and what its pods answered.

    The edge counts no status by cluster: that would cost a tenth of its throughput (bench `edge`).
    """
    where, window = f'envoy_cluster_name="{cluster}"', f"{max(1, round(window_s))}s"
    pods = f'pod=~"{cluster}-[a-z0-9]+-[a-z0-9]+"'
    return {
        "requests": f"sum(increase(envoy_cluster_upstream_rq_total{{{where}}}[{window}]))",
        **{name: f"sum(increase(envoy_cluster_{name}{{{where}}}[{window}]))" for name in _UNANSWERED},
        "failed": f'sum(increase({_DURATION}_count{{{pods},http_response_status_code=~"5.."}}[{window}]))',
        "p99": f"1000 * histogram_quantile(0.99, sum by (le) (rate({_DURATION}_bucket{{{pods}}}[{window}])))",
    }


def seen(cluster: str, ask: Ask, window_s: float) -> Seen:
    """One cluster's figures; what was left without an answer has failed, too."""
    found = {name: ask(query) for name, query in queries(cluster, window_s).items()}
    requests = (found["requests"] or 0.0) + sum(found[name] or 0.0 for name in _UNCOUNTED)
    failed = (found["failed"] or 0.0) + sum(found[name] or 0.0 for name in _UNANSWERED)
    return Seen(requests, failed / requests if requests else 0.0, found["p99"])


def carry(
    service: str,
    give: Callable[[int], None],
    ask: Ask,
    wait: Callable[[float], None],
    tell: Callable[[str], None],
    patience: Patience,
) -> bool:
    """Give the canary its shares one after the other; True when it may take the stable's place.

    `give` sets its per cent of the edge's requests, `wait` passes seconds. False: it was bad, or too few asked it; then
    its share is 0 again. When anything raises, its share is taken back, too.
    """
    try:
        for share in STEPS:
            give(share)
            verdict = _step(service, share, ask, wait, tell, patience)
            if verdict.decision == "roll-back":
                give(0)
                return False
    except BaseException:
        give(0)
        raise
    return True


def _step(
    service: str,
    share: int,
    ask: Ask,
    wait: Callable[[float], None],
    tell: Callable[[str], None],
    patience: Patience,
) -> Verdict:
    since_s = 0.0
    while True:
        wait(patience.look_s)
        since_s += patience.look_s
        stable, canary = (seen(cluster, ask, since_s) for cluster in (service, f"{service}-canary"))
        verdict = judge(canary, stable, since_s, patience)
        tell(f"{service} at {share} %, after {since_s:.0f} s: {verdict.decision}: {verdict.reason}")
        if verdict.decision != "wait":
            return verdict
