"""Where a webhook may go: not into our own network, however its address is written (SSRF)."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from functions.notification.errors import BadWebhookUrl

_NAT64 = IPv6Network("64:ff9b::/96")
_AZURE_WIRE_SERVER = IPv4Address("168.63.129.16")
"""A public address that answers only inside Azure: the platform's own channel to each virtual machine."""


class PrivateAddress(OSError):
    """The host has no public address."""


class PublicResolver(AbstractResolver):
    """Resolves to public addresses only.

    The connection is made to the very addresses that were checked, so a name can't point elsewhere a moment later
    (DNS rebinding).
    """

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The public addresses of the host. Raises PrivateAddress when it has none, OSError when it has no address."""
        found: list[ResolveResult] = await self._inner.resolve(host, port, family)
        public = [entry for entry in found if is_public(ip_address(entry["host"]))]
        if not public:
            raise PrivateAddress("the host has no public address")
        return public

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._inner.close()


def is_public(address: IPv4Address | IPv6Address) -> bool:
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


def check_url(url: str, allow_private: bool) -> URL:
    """The URL of a webhook: https (http too where private addresses are allowed), without user name or fragment.

    Raises BadWebhookUrl. A host name is not resolved here but at each delivery, by PublicResolver.
    """
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise BadWebhookUrl("a webhook's URL is ASCII without spaces or control characters")
    try:
        # Taken as it is: a receiver may sign or compare its own URL.
        parsed = URL(url, encoded=True)
        host = parsed.host
    except ValueError:
        raise BadWebhookUrl("this is not a URL") from None
    if parsed.scheme not in ({"https", "http"} if allow_private else {"https"}):
        raise BadWebhookUrl("a webhook's URL begins with https://")
    if not host or parsed.user is not None or parsed.password is not None or parsed.fragment:
        raise BadWebhookUrl("a webhook's URL has a host, and neither a user name nor a fragment")
    if not allow_private:
        _refuse_private_literal(host)
    return parsed


def _refuse_private_literal(host: str) -> None:
    try:
        address: Any = ip_address(host)
    except ValueError:
        plain = host.lower().rstrip(".")
        if plain == "localhost" or plain.endswith((".localhost", ".local", ".internal")):
            raise BadWebhookUrl("the host is not a public one") from None
        return
    if not is_public(address):
        raise BadWebhookUrl("the host is not a public one")
