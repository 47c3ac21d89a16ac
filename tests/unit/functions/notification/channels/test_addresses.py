"""Where a webhook may go."""

from ipaddress import ip_address
from typing import Any

import pytest

from functions.notification.channels.addresses import PrivateAddress, PublicResolver, check_url, is_public
from functions.notification.errors import BadWebhookUrl


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a00:1::1",
    ],
)
def test_addresses_of_our_own_network_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://user:pass@example.org/",
        "https://example.org/#part",
        "https:///path",
        "https://",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "https://storage.internal/",
        "https://exa mple.org/",
        "https://example.org/\r\nx",
        "https://example.org:99999/",
        "nonsense",
    ],
)
def test_a_url_that_leads_inside_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadWebhookUrl):
        check_url(url, allow_private=False)


def test_a_public_https_url_is_taken_as_it_is() -> None:
    assert str(check_url("https://example.org:8443/hook?token=a%2Fb", allow_private=False)) == (
        "https://example.org:8443/hook?token=a%2Fb"
    )


def test_a_private_http_url_is_taken_only_where_that_is_allowed() -> None:
    assert check_url("http://127.0.0.1:9000/hook", allow_private=True).port == 9000


class FakeResolver:
    """Answers with the addresses it was given."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = None) -> list[dict[str, Any]]:
        return [{"hostname": host, "host": address, "port": port} for address in self.addresses]


async def test_a_name_that_points_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = PublicResolver()
    monkeypatch.setattr(resolver, "_inner", FakeResolver("127.0.0.1", "10.1.2.3"))
    with pytest.raises(PrivateAddress):
        await resolver.resolve("rebound.example.org", 443)


async def test_of_a_names_addresses_only_the_public_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = PublicResolver()
    monkeypatch.setattr(resolver, "_inner", FakeResolver("127.0.0.1", "1.1.1.1"))
    assert [entry["host"] for entry in await resolver.resolve("both.example.org", 443)] == ["1.1.1.1"]
