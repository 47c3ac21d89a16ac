"""Which addresses a tenant's URL may lead to."""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

_NAT64 = IPv6Network("64:ff9b::/96")
_AZURE_WIRE_SERVER = IPv4Address("168.63.129.16")
"""A public address that answers only inside Azure: the platform's own channel to each virtual machine."""

_INSIDE = (".localhost", ".local", ".internal")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class PrivateAddress(OSError):
    """The host has no address that may be called."""


class UnsafeUrl(ValueError):
    """The URL may not be called; the message says why in plain words, without the URL."""


@dataclass(frozen=True)
class Guard:
    """Which addresses may be called: public ones, the operator's networks, or all of them."""

    allow_private: bool = False
    networks: tuple[Network, ...] = ()

    def permits(self, address: Address) -> bool:
        """Whether a connection to the address may be made."""
        return self.allow_private or is_public(address) or any(address in network for network in self.networks)

    def check_host(self, host: str) -> None:
        """Raise UnsafeUrl for a literal address, or a name, that is inside; other names are checked when resolved."""
        try:
            address = ip_address(host)
        except ValueError:
            plain = host.lower().rstrip(".")
            inside = plain == "localhost" or plain.endswith(_INSIDE)
            if inside and not self.allow_private and not self.networks:
                raise UnsafeUrl("the host is not a public one") from None
            return
        if not self.permits(address):
            raise UnsafeUrl("the host is not a public one")

    def check_url(self, url: str, schemes: frozenset[str]) -> URL:
        """The URL, taken as it is written. Raises UnsafeUrl.

        ASCII without spaces, one of the schemes, a host, neither user name nor fragment; a host name is not resolved
        here but when the connection is made, by GuardedResolver.
        """
        if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
            raise UnsafeUrl("a URL is ASCII without spaces or control characters")
        try:
            parsed = URL(url, encoded=True)  # as it is: a receiver may sign or compare its own URL
            host, scheme, fragment = parsed.host, parsed.scheme, parsed.fragment
            named = parsed.user is not None or parsed.password is not None
        except ValueError:
            raise UnsafeUrl("this is not a URL") from None
        if scheme not in schemes:
            raise UnsafeUrl(f"the URL begins with {' or '.join(sorted(f'{name}://' for name in schemes))}")
        if not host or named or fragment:
            raise UnsafeUrl("the URL has a host, and neither a user name nor a fragment")
        self.check_host(host)
        return parsed


class GuardedResolver(AbstractResolver):
    """Resolves to addresses that the guard permits.

    The connection is made to the very addresses that were checked, so a name can't point elsewhere a moment later
    (DNS rebinding).
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The permitted addresses. Raises PrivateAddress when there is none, OSError when the host has no address."""
        found: list[ResolveResult] = await self._inner.resolve(host, port, family)
        permitted = [entry for entry in found if self._guard.permits(ip_address(entry["host"]))]
        if not permitted:
            raise PrivateAddress("the host has no public address")
        return permitted

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._inner.close()


def is_public(address: Address) -> bool:
    """Whether packets to the address leave for the Internet; addresses wrapped in IPv6 count as what they wrap."""
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(wrapped)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and address != _AZURE_WIRE_SERVER
