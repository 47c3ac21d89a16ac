import pytest

from chassis.manifest import SERVICES
from chassis.settings import AZURITE, SettingsError, read_settings


def test_the_defaults_run_all_nine_on_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLATFORM_SERVICES", raising=False)
    monkeypatch.delenv("AzureWebJobsStorage", raising=False)
    settings = read_settings()
    assert settings.services == SERVICES
    assert settings.storage_connection == AZURITE


def test_services_are_a_comma_separated_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_SERVICES", "audit, metadata")
    assert read_settings().services == ("audit", "metadata")


def test_every_mistake_is_listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_SERVICES", "audit,nonsense")
    monkeypatch.setenv("PLATFORM_SMTP_PORT", "99999")
    monkeypatch.setenv("AzureWebJobsStorage", "hello")
    monkeypatch.setenv("PLATFORM_ISSUER", "ftp://x")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    text = str(caught.value)
    for name in ("PLATFORM_SERVICES", "PLATFORM_SMTP_PORT", "AzureWebJobsStorage", "PLATFORM_ISSUER"):
        assert name in text
    assert "no service is called nonsense" in text


def test_a_service_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_SERVICES", "audit,audit")
    with pytest.raises(SettingsError, match="named twice"):
        read_settings()


def test_development_storage_means_azurite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    assert read_settings().storage_connection == AZURITE


def test_a_service_address_comes_from_the_map_or_else_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_SERVICE_URLS", '{"audit": "http://10.0.0.1:1/"}')
    monkeypatch.setenv("PLATFORM_SERVICE_URL_TEMPLATE", "http://{service}")
    settings = read_settings()
    assert settings.service_url("audit") == "http://10.0.0.1:1"
    assert settings.service_url("metadata") == "http://metadata"


def test_the_edge_reaches_services_as_they_reach_each_other_or_by_a_template_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLATFORM_SERVICE_URLS", '{"audit": "http://10.0.0.1:1/"}')
    monkeypatch.setenv("PLATFORM_SERVICE_URL_TEMPLATE", "http://{service}")
    assert read_settings().edge_service_url("metadata") == "http://metadata"
    monkeypatch.setenv("PLATFORM_EDGE_SERVICE_URL_TEMPLATE", "http://{service}-pods:8080/")
    settings = read_settings()
    assert settings.edge_service_url("metadata") == "http://metadata-pods:8080"
    assert settings.edge_service_url("audit") == "http://10.0.0.1:1"
    assert settings.service_url("metadata") == "http://metadata"
    monkeypatch.setenv("PLATFORM_EDGE_SERVICE_URL_TEMPLATE", "{service}-pods")
    with pytest.raises(SettingsError, match="PLATFORM_EDGE_SERVICE_URL_TEMPLATE"):
        read_settings()


def test_networks_that_workflows_may_call_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_WORKFLOW_CALL_NETWORKS", "127.0.0.1/32, ::1/128")
    assert [str(network) for network in read_settings().workflow_call_networks] == ["127.0.0.1/32", "::1/128"]
    monkeypatch.setenv("PLATFORM_WORKFLOW_CALL_NETWORKS", "127.0.0.1/33")
    monkeypatch.setenv("PLATFORM_WORKFLOW_CALL_HOSTS", '{"a": "ftp://b"}')
    with pytest.raises(SettingsError, match=r"(?s)CALL_NETWORKS.*CALL_HOSTS"):
        read_settings()
