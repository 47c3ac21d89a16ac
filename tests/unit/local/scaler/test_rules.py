"""The rules are those of the dev overlay."""

from pathlib import Path

import pytest

from chassis.manifest import read_manifests
from local.layout import ROOT
from local.scaler.rules import RulesError, Trigger, read_rules


def test_every_service_has_rules_and_each_of_its_queues_counts() -> None:
    found = read_rules(ROOT / "keda")
    for name, manifest in read_manifests(ROOT / "functions").items():
        queues = {t.metadata["queueName"] for t in found[name].triggers if t.type == "azure-queue"}
        wanted = {queue.name for queue in manifest.queues} | {item.queue for item in manifest.subscriptions}
        assert wanted <= queues
        assert not [t for t in found[name].triggers if t.type == "azure-servicebus"]


def test_a_component_that_no_longer_fits_the_base_is_named(tmp_path: Path) -> None:
    (tmp_path / "base" / "a").mkdir(parents=True)
    (tmp_path / "components" / "storage-queues").mkdir(parents=True)
    (tmp_path / "base" / "a" / "scaledobject.yaml").write_text(
        "metadata: {name: a}\nspec: {triggers: [{type: azure-queue, name: q, metadata: {queueName: other}}]}\n"
    )
    (tmp_path / "components" / "storage-queues" / "kustomization.yaml").write_text(
        "patches:\n  - target: {kind: ScaledObject, name: a}\n"
        "    patch: '[{op: test, path: /spec/triggers/0/metadata/queueName, value: mine}]'\n"
    )
    with pytest.raises(RulesError, match="queueName is other, not mine"):
        read_rules(tmp_path)


def test_a_trigger_of_an_unknown_type_is_named() -> None:
    with pytest.raises(RulesError, match="kafka"):
        _ = Trigger(type="kafka", name="k", metadata={}).target
