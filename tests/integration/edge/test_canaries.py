"""The pipeline's own decision (infra/pipelines/canary.py) before a real Envoy with two versions of a service.

The shares go the way they go on AKS: a file that the gateway reads, xDS, Envoy's weighted clusters. What is asked of
Prometheus there is computed here from the same statistics of that Envoy, and from the canary's own metrics.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice

import httpx
import pytest

from infra.checks.metrics import ENVOY
from infra.pipelines.canary import STEPS, Patience, carry
from tests.integration.edge.edge import Edge
from tests.integration.edge.processes import wait_until

PATIENCE = Patience(look_s=1, least_s=2, most_s=8, least_requests=3)
ASKED_PER_LOOK = 60
POD = 'pod="metadata-canary-6d5f7c9b8d-x2x4z",'
"""What scraping adds to a pod's metrics."""

_SELECTOR = re.compile(r"(\w+)\{(.*)\}\[\d+s\]")
_SAMPLE = re.compile(r'^(\w+)\{((?:[^"}]|"[^"]*")*)\} (\S+)$', re.MULTILINE)
_PAIR = re.compile(r'(\w+)="([^"]*)"')
_MATCHER = re.compile(r'(\w+)=(~?)"([^"]*)"')


@dataclass
class Rollout:
    """One canary of metadata at the edge: what the pipeline does, with its waiting filled with requests."""

    edge: Edge
    tokens: list[str]
    """Of several tenants: each has a rate limit of its own."""
    per_look: int = ASKED_PER_LOOK
    told: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    to_canary: dict[int, int] = field(default_factory=dict)
    share: int = 0
    before: dict[str, float] = field(default_factory=dict)
    now: dict[str, float] = field(default_factory=dict)

    def give(self, share: int) -> None:
        """Write the share as the pipeline's ConfigMap has it, and wait until Envoy has it."""
        (self.edge.manifests / "canaries.json").write_text(json.dumps({"metadata": share}))
        wait_until(lambda: self._is_live(share), f"Envoy gives the canary {share} %")
        self.share, self.before = share, self.samples()

    def wait(self, seconds: float) -> None:
        """Time passes with requests."""
        began = self.edge.canary.asked
        with httpx.Client(base_url=self.edge.url, timeout=10) as http:
            for token in islice(cycle(self.tokens), self.per_look):
                answer = http.get("/metadata/schemas/flight", headers={"authorization": f"Bearer {token}"})
                self.statuses[answer.status_code] += 1
        self.now = self.samples()
        self.to_canary[self.share] = self.to_canary.get(self.share, 0) + self.edge.canary.asked - began

    def ask(self, query: str) -> float | None:
        """The query's value since the step began."""
        found = _SELECTOR.search(query)
        assert found is not None
        name, matchers = found[1], _MATCHER.findall(found[2])
        rises = {
            key: value - self.before.get(key, 0.0)
            for key, value in self.now.items()
            if key.startswith(name + "{") and _matches(dict(_PAIR.findall(key)), matchers)
        }
        if "histogram_quantile" not in query:
            return sum(rises.values()) if rises else None
        bounds = sorted((float(dict(_PAIR.findall(key))["le"]), count) for key, count in rises.items())
        total = max((count for _, count in bounds), default=0.0)
        return next((1000 * bound for bound, count in bounds if total and count >= 0.99 * total), None)

    def carry(self) -> bool:
        """What the pipeline runs."""
        return carry("metadata", self.give, self.ask, self.wait, self.told.append, PATIENCE)

    def samples(self) -> dict[str, float]:
        """Every series of Envoy and of the canary."""
        envoy = httpx.get(f"{self.edge.admins[self.edge.url]}/stats/prometheus").text
        pod = re.sub(r"^(\w+\{)", rf"\1{POD}", httpx.get(f"{self.edge.canary_url}/metadata/metrics").text, flags=re.M)
        return {f"{name}{{{labels}}}": float(value) for name, labels, value in _SAMPLE.findall(envoy + pod)}

    def _is_live(self, share: int) -> bool:
        dump = httpx.get(f"{self.edge.admins[self.edge.url]}/config_dump").json()
        weights = re.findall(r'"name": "metadata-canary", "weight": (\d+)', json.dumps(dump))
        return set(weights) == ({str(share)} if share else set())


def _matches(labels: dict[str, str], matchers: list[tuple[str, str, str]]) -> bool:
    return all(
        re.fullmatch(value if like else re.escape(value), labels.get(name, "")) for name, like, value in matchers
    )


@pytest.fixture
def rollout(edge: Edge) -> Iterator[Rollout]:
    edge.canary.failing = False
    yield Rollout(edge, [edge.token(client) for client in ("demo", "quiet", "wide", "operator")])
    (edge.manifests / "canaries.json").unlink(missing_ok=True)


def test_a_good_canary_gets_its_shares_step_by_step_and_may_take_over(rollout: Rollout) -> None:
    assert rollout.carry(), rollout.told
    assert rollout.statuses.keys() == {200}
    assert list(rollout.to_canary) == list(STEPS)
    # Envoy chooses by weight at random: half of so many requests is within five standard deviations.
    last = 2 * ASKED_PER_LOOK
    assert rollout.to_canary[50] == pytest.approx(last / 2, abs=5 * (last / 4) ** 0.5)


def test_a_canary_that_fails_is_taken_back_and_nothing_fails_any_more(rollout: Rollout) -> None:
    rollout.edge.canary.failing = True
    assert not rollout.carry(), rollout.told
    assert "100.0% of its requests fail" in rollout.told[-1]
    assert rollout.share == 0
    assert list(rollout.to_canary) == [5], "a twentieth of the requests was enough to see it"
    failed = rollout.statuses[500]
    assert 0 < failed == rollout.to_canary[5]
    rollout.wait(0)
    assert rollout.statuses[500] == failed


def test_a_canary_that_too_few_ask_waits_at_its_step_and_is_taken_back(rollout: Rollout) -> None:
    rollout.per_look = 0
    assert not rollout.carry()
    assert [line.split(": ")[1] for line in rollout.told] == ["wait"] * 7 + ["roll-back"]
    assert rollout.share == 0


def test_the_edge_emits_all_that_rules_dashboards_and_roll_outs_ask_for(rollout: Rollout) -> None:
    rollout.wait(0)
    names = {key.partition("{")[0] for key in rollout.now}
    assert sorted(ENVOY - names) == []
