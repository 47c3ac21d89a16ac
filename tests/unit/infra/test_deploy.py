import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from chassis.manifest import SERVICES, read_manifests
from functions.identity.directory.catalogue import grantable_scopes
from functions.identity.schemas import Client
from functions.identity.scopes import OPERATOR
from infra.bicep_reader import read_bicep
from infra.deploy.clients import clients
from infra.deploy.environment import app_settings, event_subscriptions, identities, write
from infra.deploy.keda_version import mistake
from infra.image.contents import ROOT
from infra.kustomize import build

OUTPUTS = {
    "AZURE_STORAGE_ACCOUNT": "stx",
    "AZURE_SERVICE_BUS_NAMESPACE": "sb-x",
    "AZURE_SQL_HOST": "sql-x.database.windows.net",
    "AZURE_SIGNALR_ENDPOINT": "https://sigr-x.service.signalr.net",
    "AZURE_PROMETHEUS_ENDPOINT": "https://amw-x",
    "AZURE_KEY_VAULT_URL": "https://kv-x.vault.azure.net",
    "AZURE_SECRETS_VAULT_URL": "https://kvs-x.vault.azure.net",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=0;IngestionEndpoint=https://x/",
    "PLATFORM_CLIENT_IDS": json.dumps(dict.fromkeys(SERVICES, "id")),
    "PLATFORM_SCALER_CLIENT_ID": "keda",
    "PLATFORM_DOMAIN": "x.example.com",
    "PLATFORM_SMTP_HOST": "smtp.example.com",
    "PLATFORM_SMTP_FROM": "x@example.com",
}
SET_BY_HAND = {"PLATFORM_DOMAIN", "PLATFORM_SMTP_HOST", "PLATFORM_SMTP_FROM"}


def names(path: Path) -> set[str]:
    return {line.partition("=")[0] for line in path.read_text().splitlines() if line and not line.startswith("#")}


@pytest.mark.parametrize(("overlay", "bus"), [("prod", "sb-x"), ("dev", "")])
def test_the_committed_files_have_the_names_that_a_deployment_writes(overlay: str, bus: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "keda" / "overlays" / overlay, tmp_path / "keda" / "overlays" / overlay)
    write(overlay, {**OUTPUTS, "AZURE_SERVICE_BUS_NAMESPACE": bus}, tmp_path)
    for file in (".env", "azure.env"):
        written = names(tmp_path / "keda" / "overlays" / overlay / file)
        assert written == names(ROOT / "keda" / "overlays" / overlay / file)


def test_bicep_gives_every_output_that_a_deployment_reads() -> None:
    given = set(read_bicep(ROOT / "infra" / "bicep" / "main.bicep").of_kind("output"))
    assert OUTPUTS.keys() - SET_BY_HAND <= given
    with pytest.raises(KeyError, match="AZURE_SQL_HOST"):
        identities({name: value for name, value in OUTPUTS.items() if name != "AZURE_SQL_HOST"})


@pytest.mark.parametrize("overlay", ["dev", "kind"])
def test_over_storage_queues_every_subscription_is_known_to_the_senders(overlay: str) -> None:
    text = (ROOT / "keda" / "overlays" / overlay / "azure.env").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("PLATFORM_EVENT_SUBSCRIPTIONS=")]
    assert json.loads(line.partition("=")[2]) == event_subscriptions(), "python -m infra.deploy.environment writes it"


def test_with_a_namespace_messages_travel_over_service_bus() -> None:
    assert app_settings(OUTPUTS)["ServiceBusConnection__fullyQualifiedNamespace"] == "sb-x.servicebus.windows.net"
    assert "PLATFORM_EVENT_SUBSCRIPTIONS" not in app_settings(OUTPUTS)


def test_each_service_is_a_client_by_its_service_account_with_the_scopes_that_it_calls_with() -> None:
    found = {entry["clientId"]: Client.model_validate(entry) for entry in clients("https://issuer.example.com/")}
    manifests = read_manifests(ROOT / "functions")
    assert found.keys() == {"operator", *(f"svc-{service}" for service in SERVICES)}
    for service, manifest in manifests.items():
        [credential] = found[f"svc-{service}"].federated
        assert credential.subject == f"system:serviceaccount:platform:{service}"
        called = {scope for scopes in manifest.calls.values() for scope in scopes}
        assert called <= found[f"svc-{service}"].scopes
        # Who calls identity exchanges: an API key's owner for a token (docs/identity.md).
        assert ("token_exchange" in found[f"svc-{service}"].grants) == ("identity" in manifest.calls)
    assert not any(client.jwk or client.secret_hash for client in found.values())


def test_the_operators_sign_in_by_a_service_account_of_the_namespace_that_does_nothing_else() -> None:
    [operator] = [entry for entry in clients("https://issuer.example.com/") if entry["clientId"] == "operator"]
    [credential] = Client.model_validate(operator).federated
    file = ROOT / "keda" / "base" / "platform" / "operator.yaml"
    account = YAML(typ="safe", pure=True).load(file.read_text())
    assert credential.subject == f"system:serviceaccount:platform:{account['metadata']['name']}"
    assert set(operator["scopes"]) == OPERATOR


def test_users_are_sent_back_to_the_console_of_the_environment() -> None:
    console = Client.model_validate(clients("https://issuer.example.com/", "https://x.example.com")[-1])
    assert console.public
    assert set(console.redirect_uris) == {"https://x.example.com/console/", "https://x.example.com/console/callback"}
    assert console.scopes == grantable_scopes(ROOT / "functions")


def test_what_of_entra_id_was_set_reaches_the_settings() -> None:
    entra = {"PLATFORM_ENTRA_TENANTS": '{"<id>":"acme"}', "PLATFORM_ENTRA_CLIENT_ID": "app"}
    assert entra.items() <= app_settings({**OUTPUTS, **entra}).items()
    assert not any(name.startswith("PLATFORM_ENTRA") for name in app_settings(OUTPUTS))


def test_azd_builds_and_rolls_out_every_image() -> None:
    content = YAML(typ="safe", pure=True).load((ROOT / "azure.yaml").read_text())
    assert set(content["services"]) == {*SERVICES, "edge"}
    for name, service in content["services"].items():
        docker = service["docker"]
        assert docker.get("buildArgs") == [f"SERVICE={name}"] or docker["target"] == name == "edge"
        assert service["k8s"]["kustomize"]["edits"] == [
            f"set image platform/{name}=${{SERVICE_{name.upper()}_IMAGE_NAME}}"
        ]
        assert (ROOT / docker["path"]).is_file()
    for hook in content["hooks"].values():
        assert "infra/" in hook["run"]


@pytest.mark.parametrize(
    "image", ["mcr.microsoft.com/oss/v2/kedacore/keda:2.18.1", "ghcr.io/kedacore/keda:v2.9.3@sha256:ab"]
)
def test_a_keda_that_can_not_ask_for_the_backlog_is_refused(image: str) -> None:
    assert "components/older-keda" in str(mistake(image, "prod"))


@pytest.mark.parametrize(
    "image", ["ghcr.io/kedacore/keda:2.20.0", "x:5000/keda:v3.0", "ghcr.io/kedacore/keda@sha256:ab"]
)
def test_a_newer_keda_and_one_without_a_version_are_let_pass(image: str) -> None:
    assert mistake(image, "prod") is None


@pytest.fixture
def with_older_keda(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "keda", tmp_path / "keda")
    file = tmp_path / "keda" / "overlays" / "prod" / "kustomization.yaml"
    text = file.read_text()
    file.write_text(text.replace("\nconfigMapGenerator:", "\n  - ../../components/older-keda\nconfigMapGenerator:", 1))
    return tmp_path


def test_the_component_for_an_older_keda_leaves_the_backlog_out_and_is_let_pass(with_older_keda: Path) -> None:
    assert mistake("keda:2.18.1", "prod", with_older_keda) is None
    before, after = (build(root / "keda" / "overlays" / "prod") for root in (ROOT, with_older_keda))
    for service in ("workflow", "processing"):
        types = [_trigger_types(objects, service) for objects in (before, after)]
        assert types[0].count("mssql") == 1
        assert types[1] == [kind for kind in types[0] if kind != "mssql"]


def _trigger_types(objects: list[dict[str, Any]], service: str) -> list[str]:
    [found] = [each for each in objects if each["kind"] == "ScaledObject" and each["metadata"]["name"] == service]
    return [trigger["type"] for trigger in found["spec"]["triggers"]]


GIVEN_BY_AZD = {"AZURE_ENV_NAME", "PLATFORM_OVERLAY"}


def test_what_the_deployments_script_reads_is_an_output_of_the_deployment() -> None:
    """The lock of the audit trail's policy among them: without its output it would silently stay open."""
    text = (ROOT / "infra" / "deploy" / "cluster.sh").read_text()
    read = set(re.findall(r"\$\{?((?:AZURE|PLATFORM)_[A-Z_]+)", text)) - GIVEN_BY_AZD - SET_BY_HAND
    outputs = read_bicep(ROOT / "infra" / "bicep" / "main.bicep").of_kind("output")
    assert "PLATFORM_LOCK_AUDIT" in read
    assert sorted(read - outputs.keys()) == []
