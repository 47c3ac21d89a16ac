from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.exceptions import HttpResponseError
from azure.data.tables.aio import TableServiceClient
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob import UserDelegationKey
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from chassis.errors import DependencyUnavailable
from chassis.settings import AZURITE, Settings
from chassis.storage.account import DelegationKeys, account_name, answers, has_proxy, open_service
from chassis.storage.blobs import Container

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Service:
    """Stands for a BlobServiceClient: gives keys of the SDK's own type, and counts them."""

    def __init__(self, fails: bool = False) -> None:
        self.asked: list[tuple[datetime, datetime]] = []
        self.fails = fails

    async def get_user_delegation_key(self, start: datetime, expiry: datetime) -> UserDelegationKey:
        if self.fails:
            raise HttpResponseError("refused")
        self.asked.append((start, expiry))
        key = UserDelegationKey()
        key.signed_oid, key.signed_tid, key.signed_service, key.signed_version = "oid", "tid", "b", "2025-01-05"
        key.signed_start, key.signed_expiry = start.isoformat(), expiry.isoformat()
        key.value = "c2VjcmV0"
        return key


def test_a_connection_without_a_key_names_an_account() -> None:
    assert account_name("AccountName=stprod") == "stprod"
    assert account_name(AZURITE) is None
    assert account_name("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=b") is None
    assert account_name("BlobEndpoint=https://x;SharedAccessSignature=y") is None


def test_settings_with_an_account_name_need_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobsStorage__accountName", "stprod")
    assert Settings().storage == "AccountName=stprod"
    monkeypatch.delenv("AzureWebJobsStorage__accountName")
    assert Settings().storage == Settings().storage_connection


@pytest.mark.parametrize(
    ("kind", "service"), [(BlobServiceClient, "blob"), (QueueServiceClient, "queue"), (TableServiceClient, "table")]
)
async def test_a_named_account_is_opened_with_the_processs_own_identity(kind: type, service: str) -> None:
    client = open_service(kind, "AccountName=stprod", service)
    assert client.url.rstrip("/") == f"https://stprod.{service}.core.windows.net"
    assert isinstance(client.credential, DefaultAzureCredential)


@pytest.mark.parametrize(
    ("kind", "service"), [(BlobServiceClient, "blob"), (QueueServiceClient, "queue"), (TableServiceClient, "table")]
)
async def test_a_connection_string_is_used_as_it_is(kind: type, service: str) -> None:
    assert "127.0.0.1" in open_service(kind, AZURITE, service).url


@pytest.mark.parametrize("proxy", ["", "http://proxy:3128"])
def test_the_environment_is_read_for_each_request_only_where_it_names_a_proxy(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    if proxy:
        monkeypatch.setenv("https_proxy", proxy)
    service = open_service(QueueServiceClient, AZURITE, "queue")
    assert service._pipeline._transport._use_env_settings is bool(proxy)


async def test_a_delegation_key_is_kept_while_it_is_good_and_renewed_after() -> None:
    service = Service()
    keys = DelegationKeys(service, lambda: NOW)  # type: ignore[arg-type]
    first = await keys.get(NOW, NOW + timedelta(hours=1))
    assert await keys.get(NOW, NOW + timedelta(hours=24)) is first
    assert await keys.get(NOW, NOW + timedelta(hours=25)) is not first
    assert [expiry for _, expiry in service.asked] == [NOW + timedelta(days=1), NOW + timedelta(hours=25)]


async def test_a_refused_delegation_key_is_a_missing_dependency() -> None:
    with pytest.raises(DependencyUnavailable):
        await DelegationKeys(Service(fails=True)).get(NOW, NOW)  # type: ignore[arg-type]


async def test_an_upload_address_is_signed_with_the_delegation_key() -> None:
    account = BlobServiceClient("https://stprod.blob.core.windows.net", credential=DefaultAzureCredential())
    container = Container(account.get_container_client("data"), DelegationKeys(Service()))  # type: ignore[arg-type]
    query = parse_qs(urlsplit(await container.download_url("a b.csv", timedelta(minutes=5))).query)
    assert query["skoid"] == ["oid"]
    assert query["sp"] == ["r"]
    assert query["sr"] == ["b"]


async def test_an_identity_that_may_not_read_the_accounts_properties_has_an_answer_all_the_same() -> None:
    def failing(status: int) -> object:
        async def ask() -> None:
            error = HttpResponseError("no")
            error.status_code = status
            raise error

        return ask

    await answers(failing(403))  # type: ignore[arg-type]
    with pytest.raises(HttpResponseError):
        await answers(failing(500))  # type: ignore[arg-type]


def test_addresses_that_bypass_a_proxy_are_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert not has_proxy()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert has_proxy()
