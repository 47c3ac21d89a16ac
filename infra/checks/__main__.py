"""Runs every check, prints what ran, what was skipped and why, and exits 1 when one found a mistake."""

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from time import perf_counter

from ruamel.yaml.error import YAMLError

from chassis.manifest import ManifestError, ServiceManifest, read_manifests
from infra.checks.bicep import bicep_mistakes, compiled_mistakes, platform_mistakes
from infra.checks.checkov import checkov_mistakes
from infra.checks.code_use import CodeUse, platform_use
from infra.checks.configuration import settings_mistakes
from infra.checks.declared import declared_mistakes
from infra.checks.endpoints import endpoint_mistakes
from infra.checks.grants import grant_mistakes
from infra.checks.manifests import OVERLAYS, Environment, environment
from infra.checks.network import network_mistakes
from infra.checks.observability import (
    dashboard_mistakes,
    promtool_mistakes,
    rule_mistakes,
    scale_query_mistakes,
)
from infra.checks.overlays import completeness_mistakes, kustomize_mistakes
from infra.checks.report import Check, Outcome, Skipped
from infra.checks.scaling import scale_mistakes
from infra.checks.schemas import keda_mistakes, kubernetes_mistakes
from infra.checks.workflows import workflow_mistakes
from infra.image.contents import ROOT, image_mistakes
from infra.image.contents import mistakes as content_mistakes
from infra.kustomize import KustomizeError


@cache
def _manifests() -> dict[str, ServiceManifest]:
    return read_manifests(ROOT / "functions")


@cache
def _code() -> dict[str, CodeUse]:
    return platform_use(_manifests())


def _environments() -> Iterator[Environment]:
    yield from map(environment, OVERLAYS)


def checks() -> list[Check]:
    """All checks, in the order in which they run."""
    return [
        Check(
            "images: what is copied is what is imported", lambda: [m for s in _manifests() for m in content_mistakes(s)]
        ),
        Check("images: no root, pinned bases, labels, the local Envoy", image_mistakes),
        Check("service.yaml names what the code uses", lambda: declared_mistakes(_manifests(), _code())),
        *_of_each("manifests equal kustomize's own build", kustomize_mistakes),
        *_of_each("manifests fit the Kubernetes schemas", kubernetes_mistakes),
        *_of_each("manifests fit KEDA's CRDs", keda_mistakes),
        *_of_each("manifests are whole and locked down", lambda e: completeness_mistakes(e, _manifests())),
        *_of_each("scale rules follow code and service.yaml", lambda e: scale_mistakes(e, _manifests(), _code())),
        *_of_each("the edge finds every service's pods, one by one", lambda e: endpoint_mistakes(e, _manifests())),
        *_of_each("network policies follow the calls", lambda e: network_mistakes(e, _manifests(), _code())),
        *_of_each("scale rules ask for metrics that exist", scale_query_mistakes),
        Check("Bicep: types, required properties, no local authentication, modules", bicep_mistakes),
        Check("Bicep follows service.yaml, code and manifests", lambda: _bicep_and_code()),
        Check(
            "Bicep makes, and gives roles on, what the code needs and no more",
            lambda: grant_mistakes(_manifests(), _code()),
        ),
        Check("Bicep compiles", compiled_mistakes),
        Check("alerts and recording rules ask for metrics that exist", rule_mistakes),
        Check("alerts and recording rules pass promtool and their tests", promtool_mistakes),
        Check("dashboards show metrics that exist", dashboard_mistakes),
        Check("pipelines pass actionlint", workflow_mistakes),
        Check("checkov, every skip with its reason", lambda: checkov_mistakes(_environments())),
        *_of_each("settings are known and complete", lambda e: settings_mistakes(e, _manifests())),
    ]


def _bicep_and_code() -> Iterator[str]:
    yield from platform_mistakes(_manifests(), _code(), _environments())


def _of_each(name: str, find: Callable[[Environment], Iterable[str]]) -> Iterator[Check]:
    """One check over all overlays."""
    yield Check(name, lambda: [mistake for each in _environments() for mistake in find(each)])


def carried_out(check: Check) -> Outcome:
    """Run one check."""
    started = perf_counter()
    try:
        mistakes = tuple(check.run())
    except Skipped as reason:
        return Outcome(check.name, perf_counter() - started, skipped=str(reason))
    except (KustomizeError, ManifestError, YAMLError) as error:
        return Outcome(check.name, perf_counter() - started, (str(error),))
    return Outcome(check.name, perf_counter() - started, mistakes)


def main() -> int:
    """Print each outcome as it comes; 1 when there was a mistake."""
    outcomes = []
    for check in checks():
        outcomes.append(carried_out(check))
        print(*outcomes[-1].lines(), sep="\n", flush=True)
    failed = sum(bool(outcome.mistakes) for outcome in outcomes)
    skipped = [outcome for outcome in outcomes if outcome.skipped is not None]
    print(
        f"{len(outcomes)} checks: {len(outcomes) - failed - len(skipped)} ok, {failed} failed, {len(skipped)} LEFT OUT"
    )
    for outcome in skipped:
        print(f"  NOT CHECKED HERE: {outcome.name} ({outcome.skipped})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
