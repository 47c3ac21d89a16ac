from pathlib import Path

import pytest

from chassis.manifest import SERVICES, TIERS, ManifestError, RateLimit, Subscription, read_manifest, read_manifests
from chassis.settings import ROOT

GOOD = """
service: metadata
layer: platform
routes:
  - {path: "/metadata/schemas/{name}", methods: [PUT], scope: metadata.write}
  - {path: "/metadata/health/live", methods: [GET], public: true}
queues: [{name: metadata-events}]
subscriptions: [{queue: metadata-events, types: ["workflow.*"]}]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "service.yaml"
    path.write_text(text)
    return path


def test_a_manifest_is_read(tmp_path: Path) -> None:
    manifest = read_manifest(written(tmp_path, GOOD))
    assert [route.scope for route in manifest.routes] == ["metadata.write", None]
    assert manifest.rate_limit.requests_per_second == 200


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("scope: metadata.write", "scopes: metadata.write", "scopes"),
        (", scope: metadata.write", "", "scope or public"),
        ("/metadata/schemas", "/audit/schemas", "only below /metadata"),
        ("queue: metadata-events", "queue: others-events", "not among the service's queues"),
        ("methods: [PUT]", "methods: [FETCH]", "methods"),
        ("layer: platform", "layer: top", "layer"),
        ("service: metadata", "service: [", "service.yaml"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, before: str, after: str, reason: str) -> None:
    path = written(tmp_path, GOOD.replace(before, after))
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


def test_a_subscription_is_by_pattern() -> None:
    subscription = Subscription(queue="q-events", types=("workflow.*", "audit.x"))
    assert subscription.wants("workflow.instance.started")
    assert not subscription.wants("audit.xy")


def test_all_nine_services_have_a_manifest_of_their_own() -> None:
    manifests = read_manifests(ROOT / "functions")
    assert tuple(manifests) == SERVICES
    assert all(name == manifest.service for name, manifest in manifests.items())


def test_no_two_services_consume_the_same_queue() -> None:
    queues = [queue.name for manifest in read_manifests(ROOT / "functions").values() for queue in manifest.queues]
    assert len(queues) == len(set(queues))


def test_every_event_that_is_subscribed_to_is_emitted_by_someone() -> None:
    manifests = read_manifests(ROOT / "functions").values()
    emitted = {event for manifest in manifests for event in manifest.emits}
    for manifest in manifests:
        for subscription in manifest.subscriptions:
            assert any(subscription.wants(event) for event in emitted), subscription


def test_tiers_that_are_not_given_follow_from_standard_and_a_client_gets_its_share() -> None:
    limit = RateLimit.model_validate(
        {"requestsPerSecond": 10, "burst": 30, "premium": {"requestsPerSecond": 70, "burst": 80}}
    )
    assert [(limit.of(tier).requests_per_second, limit.of(tier).burst) for tier in TIERS] == [
        (3, 8),
        (10, 30),
        (70, 80),
    ]
    assert (limit.of_client("standard").requests_per_second, limit.of_client("standard").burst) == (5, 15)
