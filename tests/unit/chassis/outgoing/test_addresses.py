"""Which addresses may be called from inside."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from chassis.outgoing.addresses import Guard, GuardedResolver, PrivateAddress, UnsafeUrl, is_public

HTTP = frozenset({"http", "https"})


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


class FakeResolver:
    """Answers with the addresses it was given."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = None) -> list[dict[str, Any]]:
        return [{"hostname": host, "host": address, "port": port} for address in self.addresses]


async def test_a_name_that_points_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = GuardedResolver(Guard())
    monkeypatch.setattr(resolver, "_inner", FakeResolver("127.0.0.1", "10.1.2.3"))
    with pytest.raises(PrivateAddress):
        await resolver.resolve("rebound.example.org", 443)


async def test_of_a_names_addresses_only_the_public_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = GuardedResolver(Guard())
    monkeypatch.setattr(resolver, "_inner", FakeResolver("127.0.0.1", "1.1.1.1"))
    assert [entry["host"] for entry in await resolver.resolve("both.example.org", 443)] == ["1.1.1.1"]


async def test_a_network_that_the_operator_allows_may_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard(networks=(ip_network("10.1.0.0/16"),))
    resolver = GuardedResolver(guard)
    monkeypatch.setattr(resolver, "_inner", FakeResolver("10.1.2.3", "10.2.2.3"))
    assert [entry["host"] for entry in await resolver.resolve("inside.example.org", 443)] == ["10.1.2.3"]
    assert guard.check_url("http://10.1.2.3/x", HTTP).host == "10.1.2.3"
    with pytest.raises(UnsafeUrl):
        guard.check_url("http://10.2.2.3/x", HTTP)


def test_a_refusal_does_not_repeat_the_url() -> None:
    with pytest.raises(UnsafeUrl) as refused:
        Guard().check_url("http://s3cret@127.0.0.1/", HTTP)
    assert "s3cret" not in str(refused.value)
