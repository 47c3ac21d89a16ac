from pathlib import Path

import pytest

from funchost.app_settings import expand, load_local_settings
from funchost.connections import connection_string
from funchost.errors import HostError


def test_values_become_settings_but_the_environment_wins(tmp_path: Path) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text('{"IsEncrypted": false, /* c */ "Values": {"A": "file", "B": "file", "N": 5, "T": true}}')
    environ = {"A": "environment"}
    load_local_settings(path, environ)
    assert environ == {"A": "environment", "B": "file", "N": "5", "T": "true"}


def test_encrypted_settings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text('{"IsEncrypted": true, "Values": {}}')
    with pytest.raises(HostError, match="encrypted"):
        load_local_settings(path, {})


def test_placeholders_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE", "orders")
    assert expand("in-%QUEUE%-%QUEUE%", where="x") == "in-orders-orders"


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ABSENT", raising=False)
    with pytest.raises(HostError, match="ABSENT") as caught:
        expand("%ABSENT%", where="function f")
    assert caught.value.where == "function f"


def test_a_connection_may_have_the_azurewebjobs_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("Orders", raising=False)
    monkeypatch.setenv("AzureWebJobsOrders", "AccountName=a")
    assert connection_string("Orders", where="x") == "AccountName=a"


def test_an_empty_connection_name_means_the_apps_own_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    assert "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1" in connection_string("", where="x")


def test_a_missing_connection_is_named_but_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("Nowhere", raising=False)
    monkeypatch.delenv("AzureWebJobsNowhere", raising=False)
    with pytest.raises(HostError, match="Nowhere"):
        connection_string("Nowhere", where="x")
