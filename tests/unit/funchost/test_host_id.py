from pathlib import Path

import pytest

from funchost.host_id import host_id


def test_hosts_of_one_folder_share_an_id_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AzureFunctionsWebHost__hostid", "WEBSITE_SITE_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert host_id(Path("/app")) == host_id(Path("/app"))
    assert host_id(Path("/app")) != host_id(Path("/other"))
    assert len(host_id(Path("/app"))) <= 32


def test_a_setting_names_it_and_is_made_fit_for_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSITE_SITE_NAME", "My_App.Name")
    assert host_id(Path("/app")) == "my-app-name"
    monkeypatch.setenv("AzureFunctionsWebHost__hostid", "x" * 50)
    assert host_id(Path("/app")) == "x" * 32
