"""The rules are those of the dev overlay, as it would be applied."""

from pathlib import Path
from shutil import copytree

import pytest

from chassis.manifest import read_manifests
from local.layout import ROOT
from local.scaler.rules import RulesError, Trigger, read_rules


@pytest.fixture
def keda(tmp_path: Path) -> Path:
    return Path(copytree(ROOT / "keda", tmp_path / "keda"))


def test_every_service_has_rules_and_each_of_its_queues_counts() -> None:
    found = read_rules(ROOT / "keda")
    for name, manifest in read_manifests(ROOT / "functions").items():
        queues = {t.metadata["queueName"] for t in found[name].triggers if t.type == "azure-queue"}
        wanted = {queue.name for queue in manifest.queues} | {item.queue for item in manifest.subscriptions}
        assert wanted <= queues
        assert not [t for t in found[name].triggers if t.type == "azure-servicebus"]


def test_what_the_overlay_patches_holds_here(keda: Path) -> None:
    overlay = keda / "overlays" / "dev" / "kustomization.yaml"
    with overlay.open("a") as file:
        file.write("patches:\n  - target: {kind: ScaledObject, name: audit}\n")
        file.write("    patch: '[{op: replace, path: /spec/maxReplicaCount, value: 7}]'\n")
    assert read_rules(keda)["audit"].max_replica_count == 7


def test_an_overlay_that_does_not_build_is_named(keda: Path) -> None:
    base = keda / "base" / "audit" / "scaledobject.yaml"
    base.write_text(base.read_text().replace("queueName: audit-events", "queueName: other"))
    with pytest.raises(RulesError, match=r"dev: .*'other', not 'audit-events'"):
        read_rules(keda)


def test_a_scaled_object_without_triggers_is_named(keda: Path) -> None:
    base = keda / "base" / "metadata" / "scaledobject.yaml"
    base.write_text(base.read_text().partition("  triggers:")[0] + "  triggers: []\n")
    with pytest.raises(RulesError, match="ScaledObject metadata"):
        read_rules(keda)


def test_production_counts_its_queues_in_service_bus() -> None:
    found = read_rules(ROOT / "keda", "prod")
    assert {t.type for t in found["audit"].triggers} == {"azure-servicebus", "prometheus"}


def test_a_trigger_of_an_unknown_type_is_named() -> None:
    with pytest.raises(RulesError, match="kafka"):
        _ = Trigger(type="kafka", name="k", metadata={}).target
