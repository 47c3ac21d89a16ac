"""The roles that Bicep gives, loop by loop, are those that the code needs; each test spoils one thing."""

import re
from pathlib import Path
from shutil import copytree

import pytest

from chassis.manifest import ServiceManifest, read_manifests
from infra.checks.bicep import FOLDER
from infra.checks.code_use import CodeUse, platform_use
from infra.checks.grants import Grant, grant_mistakes, grants
from infra.image.contents import ROOT


@pytest.fixture(scope="module")
def manifests() -> dict[str, ServiceManifest]:
    return read_manifests(ROOT / "functions")


@pytest.fixture(scope="module")
def code(manifests: dict[str, ServiceManifest]) -> dict[str, CodeUse]:
    return platform_use(manifests)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the Bicep files that may be spoilt, with the service.yaml files where it looks for them."""
    copytree(ROOT / "infra" / "prometheus", tmp_path / "infra" / "prometheus")
    copytree(
        ROOT / "functions",
        tmp_path / "functions",
        ignore=lambda _, names: [n for n in names if "." in n and n != "service.yaml"],
    )
    return Path(copytree(FOLDER, tmp_path / "infra" / "bicep"))


def test_every_role_is_needed_and_every_need_has_its_role(
    manifests: dict[str, ServiceManifest], code: dict[str, CodeUse]
) -> None:
    assert list(grant_mistakes(manifests, code)) == []


def test_signing_keys_are_identitys_alone_and_tenants_secrets_are_workflows() -> None:
    for environment in ("dev", "prod"):
        officers = {
            (grant.who, grant.where) for grant in grants(FOLDER / f"{environment}.bicepparam") if "Vault" in grant.role
        }
        assert officers == {("identity", "vault vault"), ("workflow", "vault secrets")}
    assert not re.search(r"principalType: '(Group|User)'", (FOLDER / "modules" / "vault.bicep").read_text())


def test_queues_are_storages_in_development_and_service_buss_in_production() -> None:
    dev, prod = (grants(FOLDER / f"{name}.bicepparam") for name in ("dev", "prod"))
    assert Grant("audit", "Azure Service Bus Data Receiver", "queue audit-events") in prod - dev
    assert Grant("audit", "Storage Queue Data Message Processor", "queue audit-events") in dev - prod


@pytest.mark.parametrize(
    ("file", "old", "new", "mistake"),
    [
        (
            "modules/servicebus.bicep",
            "principalId: principals[entry.service]",
            "principalId: principals.audit",
            "audit is Azure Service Bus Data Receiver on queue notification-commands, which its code does not need",
        ),
        (
            "modules/storage.bicep",
            "for (entry, i) in tables: {\n  scope: table[i]",
            "for (entry, i) in filter(tables, t => t.name != 'auditlog'): {\n  scope: table[i]",
            "audit is not Storage Table Data Contributor on table auditlog, which its code needs",
        ),
        (
            "modules/servicebus.bicep",
            "for service in announcers: {",
            "for service in concat(announcers, ['monitoring']): {",
            "monitoring is Azure Service Bus Data Sender on topic platform-events, which its code does not need",
        ),
        (
            "main.bicep",
            "officers: { identity: ",
            "officers: { audit: identities.outputs.principals.audit, identity: ",
            "audit is Key Vault Secrets Officer on vault vault, which its code does not need",
        ),
        (
            "main.bicep",
            "var queueReaders = flatten(map(manifests, m",
            "var queueReaders = flatten(map(filter(manifests, m => m.service != 'audit'), m",
            "prod.bicepparam: makes no queue audit-events, which the code uses",
        ),
        (
            "modules/servicebus.bicep",
            "name: 'platform-events'\n",
            "name: 'other-events'\n",
            "prod.bicepparam: makes the topic other-events, which no code uses",
        ),
        (
            "modules/servicebus.bicep",
            "= [for entry in subscriptions: {",
            "= [for entry in []: {",
            "prod.bicepparam: makes no subscription audit-events, which the code uses",
        ),
        (
            "modules/storage.bicep",
            "var hostContainer = 'azure-webjobs-hosts'",
            "var hostContainer = 'spare'",
            "makes the container spare, which no code uses",
        ),
        (
            "main.bicep",
            "param messaging string",
            "param messaging string\nvar more = newFunction(1)",
            "the function newFunction is not known here",
        ),
    ],
)
def test_a_role_too_many_or_too_few_is_found(
    folder: Path,
    file: str,
    old: str,
    new: str,
    mistake: str,
    manifests: dict[str, ServiceManifest],
    code: dict[str, CodeUse],
) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    found = list(grant_mistakes(manifests, code, folder))
    assert any(mistake in line for line in found), found


def test_a_queue_that_a_service_yaml_no_longer_names_is_missed(
    folder: Path, manifests: dict[str, ServiceManifest], code: dict[str, CodeUse]
) -> None:
    file = folder.parents[1] / "functions" / "audit" / "service.yaml"
    text = file.read_text()
    assert "tables: [auditlog" in text
    file.write_text(text.replace("tables: [auditlog", "tables: [other"))
    found = list(grant_mistakes(manifests, code, folder))
    assert any("audit is Storage Table Data Contributor on table other" in line for line in found), found
    assert any("audit is not Storage Table Data Contributor on table auditlog" in line for line in found), found
