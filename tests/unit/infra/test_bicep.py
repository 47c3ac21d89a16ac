"""The Bicep checks find what they are there for: each test spoils one thing of the real files."""

import shutil
from pathlib import Path

import pytest

from chassis.manifest import read_manifests
from infra.bicep_reader import Expression, read_bicep
from infra.bicep_reader.document import BicepError
from infra.checks.bicep import FOLDER, bicep_mistakes, platform_mistakes
from infra.checks.code_use import platform_use
from infra.checks.manifests import environment
from infra.image.contents import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "bicep"))


def test_our_bicep_has_no_mistake() -> None:
    assert list(bicep_mistakes()) == []


def test_loops_conditions_and_literals_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.bicep"
    path.write_text(
        "param x string = 'd'\n"
        "resource r 'P/t@2024-01-01' = [for e in es: {\n  name: 'n-${e}'\n  n: 1\n  l: ['a', true]\n}]\n"
        "resource q 'P/u@2024-01-01' existing = if (c) {\n  name: 'q'\n}\n"
    )
    found = read_bicep(path).of_kind("resource")
    assert found["r"].loop == "es"
    assert found["r"].body == {"name": Expression("'n-${e}'"), "n": 1, "l": ["a", True]}
    assert found["q"].existing
    assert found["q"].condition == "(c)"
    assert read_bicep(path).of_kind("param")["x"].body == "d"


def test_a_file_that_does_not_parse_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.bicep"
    path.write_text("param x string\nresource r 'P/t@1' = {\n  name: [\n}\n")
    with pytest.raises(BicepError, match=r"a\.bicep:\d"):
        read_bicep(path)


@pytest.mark.parametrize(
    ("file", "old", "new", "mistake"),
    [
        ("modules/storage.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: true", "must be False"),
        ("modules/servicebus.bicep", "    disableLocalAuth: true\n", "", "disableLocalAuth must be True"),
        ("modules/sql.bicep", "azureADOnlyAuthentication: true", "azureADOnlyAuthentication: false", "must be True"),
        ("modules/registry.bicep", "adminUserEnabled: false", "adminUserEnabled: true", "must be False"),
        ("modules/cluster.bicep", "keda: { enabled: true }", "keda: { enabled: false }", "must be True"),
        ("modules/vault.bicep", "vaults@2023-07-01", "vaults@2019-09-01", "API version 2019-09-01"),
        ("modules/vault.bicep", "Microsoft.KeyVault/vaults@", "Microsoft.KeyVault/safes@", "not in infra/checks"),
        ("modules/signalr.bicep", "  location: location\n  tags", "  tags", "location is missing"),
        ("main.bicep", "    units: messagingUnits\n", "", "parameter units is not given"),
        ("main.bicep", "    units: messagingUnits\n", "    units: messagingUnits\n    more: 1\n", "no parameter more"),
        ("main.bicep", "vault.outputs.url", "vault.outputs.address", "vault.outputs.address is no output"),
        ("main.bicep", "modules/sql.bicep", "modules/database.bicep", "there is no modules/database.bicep"),
        ("prod.bicepparam", "param messagingUnits = 1\n", "", "messagingUnits is not given"),
        (
            "modules/vault.bicep",
            "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
            "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",  # Owner
            "none of the roles",
        ),
    ],
)
def test_a_spoilt_file_is_found(folder: Path, file: str, old: str, new: str, mistake: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1) if file != "main.bicep" else text.replace(old, new))
    found = list(bicep_mistakes(folder))
    assert any(mistake in line for line in found), found


@pytest.mark.parametrize(
    ("file", "old", "new", "mistake"),
    [
        ("main.bicep", "  loadYamlContent('../../functions/audit/service.yaml')\n", "", "service.yaml of audit"),
        ("main.bicep", "m.?containers", "m.?tables", "containers of service.yaml are not read"),
        ("main.bicep", "['workflow', 'processing']", "['workflow']", "durableServices are ['workflow']"),
        ("main.bicep", "var delegatingServices = ['processing']", "var delegatingServices = []", "delegatingServices"),
        ("modules/servicebus.bicep", "name: 'platform-events'", "name: 'events'", "the topic has another name"),
        ("modules/storage.bicep", "auditContainer = 'audit-leaves'", "auditContainer = 'other'", "none of audit's"),
        ("modules/cluster.bicep", "podCidr: '10.244.0.0/16'", "podCidr: '10.245.0.0/16'", "leaves out other addresses"),
    ],
)
def test_bicep_that_says_other_than_code_and_manifests_is_found(
    folder: Path, file: str, old: str, new: str, mistake: str
) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    manifests = read_manifests(ROOT / "functions")
    environments = iter([environment("prod")])
    found = list(platform_mistakes(manifests, platform_use(manifests), environments, folder))
    assert any(mistake in line for line in found), found
