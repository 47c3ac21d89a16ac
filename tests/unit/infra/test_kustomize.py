from pathlib import Path
from textwrap import dedent

import pytest

from infra.kustomize import KustomizeError, build
from infra.kustomize.generators import content_hash
from infra.kustomize.patches import json_patch, strategic_merge

DEPLOYMENT = """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: app, labels: {tier: web}}
    spec:
      template:
        spec:
          containers:
            - {name: app, image: platform/app, envFrom: [{configMapRef: {name: settings}}]}
          volumes:
            - {name: tmp, emptyDir: {}}
            - {name: keys, secret: {secretName: keys}}
"""


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(dedent(text))
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    kustomization = """
        resources: [app.yaml]
        configMapGenerator: [{name: settings, envs: [settings.env]}]
    """
    return write(
        tmp_path / "base", kustomization_yaml=kustomization, app_yaml=DEPLOYMENT, settings_env="# why\nA=1=2\n"
    )


def overlay(base: Path, text: str) -> Path:
    return write(base.parent / "overlay", kustomization_yaml="resources: [../base]\n" + dedent(text))


def pod(folder: Path) -> dict[str, object]:
    found: dict[str, object] = build(folder)[0]["spec"]["template"]["spec"]
    return found


def test_a_generated_config_map_carries_its_content_in_its_name_and_references_follow(base: Path) -> None:
    deployment, settings = build(base)
    name = settings["metadata"]["name"]
    assert settings["data"] == {"A": "1=2"}
    assert name == "settings-" + content_hash(settings)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["envFrom"][0]["configMapRef"]["name"] == name


def test_the_hash_is_kustomizes() -> None:
    # `kubectl kustomize` (5.5.0) of one ConfigMap with the data a=b
    assert content_hash({"data": {"a": "b"}, "metadata": {"name": "any"}}) == "4h2mbtbbt6"


def test_images_and_namespace_are_set(base: Path) -> None:
    found = build(
        overlay(base, "namespace: here\nimages: [{name: platform/app, newName: reg.io/app, digest: sha256:1}]")
    )
    assert found[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "reg.io/app@sha256:1"
    assert {entry["metadata"]["namespace"] for entry in found} == {"here"}


def test_a_strategic_merge_replaces_a_volumes_source_by_name(base: Path) -> None:
    patch = """
        patches:
          - target: {kind: Deployment}
            patch: |-
              kind: Deployment
              metadata: {name: any}
              spec: {template: {spec: {volumes: [{name: keys, secret: null, csi: {driver: d}}]}}}
    """
    assert pod(overlay(base, patch))["volumes"] == [
        {"name": "keys", "csi": {"driver": "d"}},
        {"name": "tmp", "emptyDir": {}},
    ]


def test_a_component_works_on_the_objects_of_the_overlay_that_names_it(base: Path) -> None:
    write(
        base.parent / "part",
        kustomization_yaml="""
        kind: Component
        patches: [{target: {kind: Deployment}, patch: "[{op: add, path: /spec/paused, value: true}]"}]
        """,
    )
    assert build(overlay(base, "components: [../part]"))[0]["spec"]["paused"] is True


def test_replacements_fill_chosen_entries_of_a_list(base: Path) -> None:
    text = """
        configMapGenerator:
          - name: ids
            literals: [KEY=value]
            options: {annotations: {config.kubernetes.io/local-config: "true"}, disableNameSuffixHash: true}
        replacements:
          - source: {kind: ConfigMap, name: ids, fieldPath: data.KEY}
            targets:
              - select: {kind: Deployment, name: app}
                fieldPaths: ["spec.template.spec.volumes.[name=keys].secret.secretName"]
    """
    found = build(overlay(base, text))
    assert found[0]["spec"]["template"]["spec"]["volumes"][1]["secret"]["secretName"] == "value"
    assert [entry["metadata"]["name"] for entry in found if entry["kind"] == "ConfigMap"] != ["ids"]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("namePrefix: x-", "namePrefix not known here"),
        ("resources: [nothing.yaml]", "there is no nothing.yaml"),
        ("patches: [{target: {kind: Service}, patch: '[]'}]", "no object fits"),
        ("patches: [{target: {kind: Deployment}, patch: '[{op: remove, path: /a/b}]'}]", "there is nothing"),
        ("patches: [{target: {kind: Deployment}, patch: '[{op: test, path: /kind, value: X}]'}]", "is 'Deployment'"),
        ("replacements: [{source: {kind: ConfigMap, name: no, fieldPath: data.x}, targets: []}]", "0 objects fit"),
    ],
)
def test_what_can_not_be_built_is_refused_with_the_reason(base: Path, text: str, reason: str) -> None:
    folder = write(
        base.parent / "overlay", kustomization_yaml=("" if "resources" in text else "resources: [../base]\n") + text
    )
    with pytest.raises(KustomizeError, match=reason):
        build(folder)


def test_a_json_patch_leaves_the_given_object_alone() -> None:
    given = {"a": [1, 2]}
    assert json_patch(given, [{"op": "add", "path": "/a/-", "value": 3}]) == {"a": [1, 2, 3]}
    assert given == {"a": [1, 2]}


def test_lists_without_a_merge_key_are_replaced_whole() -> None:
    assert strategic_merge({"triggers": [1, 2]}, {"triggers": [3]}) == {"triggers": [3]}
