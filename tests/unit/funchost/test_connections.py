"""Connections by identity: what is set, and what is told when it is not enough."""

import sys

import pytest

from funchost.connections import connection_to, has_host_storage, identity_client_id, identity_endpoint
from funchost.errors import HostError


def test_an_account_name_gives_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Orders__accountName", "acme")
    monkeypatch.setenv("Orders__clientId", "7")
    connection = connection_to("queue", "Orders", where="x")
    assert identity_endpoint(connection, "queue") == "https://acme.queue.core.windows.net"
    assert identity_endpoint(connection, "table") == "https://acme.table.core.windows.net"
    assert identity_client_id(connection) == "7"


def test_the_address_of_a_service_wins_and_the_prefix_of_the_host_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobsOrders__serviceUri", "https://any")
    monkeypatch.setenv("AzureWebJobsOrders__blobServiceUri", "https://blobs")
    connection = connection_to("blob", "Orders", where="x")
    assert [identity_endpoint(connection, service) for service in ("blob", "queue")] == ["https://blobs", "https://any"]


def test_a_connection_string_wins_over_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Orders", "AccountName=a;AccountKey=a2V5")
    monkeypatch.setenv("Orders__accountName", "acme")
    assert connection_to("queue", "Orders", where="x") == "AccountName=a;AccountKey=a2V5"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"Orders__blobServiceUri": "https://blobs"}, "no address of its queue service"),
        ({"Orders__queueServiceUri": "http://queues"}, "not an https address"),
        ({}, "Orders is not set"),
    ],
)
def test_what_is_missing_is_told_with_a_remedy(
    settings: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(HostError, match=told) as caught:
        connection_to("queue", "Orders", where="x")
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hello", "is no list of Name=value"),
        ("AccountKey=c2VjcmV0", "has neither AccountName nor QueueEndpoint"),
        ("BlobEndpoint=https://x;AccountKey=c2VjcmV0", "has neither AccountName nor QueueEndpoint"),
        ("AccountName=acme;", "has neither AccountKey nor SharedAccessSignature"),
        ("AccountName=acme;AccountKey=;", "has neither AccountKey nor SharedAccessSignature"),
    ],
)
def test_a_malformed_connection_string_is_told_without_showing_it(
    text: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("Orders", text)
    with pytest.raises(HostError, match=f"The connection setting Orders {told}") as caught:
        connection_to("queue", "Orders", where="app.py:3")
    assert caught.value.where == "app.py:3"
    assert "c2VjcmV0" not in "".join(caught.value.lines())


@pytest.mark.parametrize(
    "text", ["accountname=a;accountkey=a2V5==", "QueueEndpoint=https://x;SharedAccessSignature=sv=1&sig=2%3D;"]
)
def test_other_forms_of_a_connection_string_are_taken(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Orders", text)
    assert connection_to("queue", "Orders", where="x") == text


def test_the_host_starts_without_azure_identity_unless_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity.aio", None)
    monkeypatch.setenv("Plain", "AccountName=a;AccountKey=a2V5")
    monkeypatch.setenv("Orders__accountName", "acme")
    assert connection_to("queue", "Plain", where="x") == "AccountName=a;AccountKey=a2V5"
    with pytest.raises(HostError, match="azure-identity") as caught:
        connection_to("queue", "Orders", where="x")
    assert "pip install azure-identity" in caught.value.remedy


def test_the_hosts_own_storage_may_be_by_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AzureWebJobsStorage", raising=False)
    assert not has_host_storage()
    monkeypatch.setenv("AzureWebJobsStorage__accountName", "acme")
    assert has_host_storage()
