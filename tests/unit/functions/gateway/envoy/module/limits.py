"""Settings and routes as the gateway writes them, and the headers by which jwt_authn tells the module of a token."""

from tests.unit.functions.gateway.envoy.module.driver import Headers, Host, Outcome

KEYS = b"5f0c"
NEVER_S = 10**12
TOKEN, KNOWN, ADDRESS, OPEN, NOBODY = range(5)
"""The numbers of the routes that `configure` makes."""


def settings(*lines: str, keys: bytes = KEYS, instances: int = 1, unrouted: str = "500 1000") -> bytes:
    first = (b"keys " + keys, f"instances {instances}".encode(), f"unrouted {unrouted}".encode())
    return b"\n".join((*first, *(line.encode() for line in lines)))


def limited(passes: str, service: str = "metadata", *, scope: str = "metadata.read", tiers: str = "1000 1000") -> bytes:
    """A route whose tenants and clients have the same limit on every tier."""
    each = [f"tier {number} {tiers} {tiers}" for number in range(3)]
    return "\n".join([f"passes {passes}", f"scope {scope}", f"service {service}", *each]).encode()


def configure(host: Host, *lines: str, address: str = "1000 1000", **how: int | bytes | str) -> None:
    """Settings with these lines more, and a route of every kind."""
    assert host.settings(settings(*lines, **how))  # type: ignore[arg-type]
    assert host.route(TOKEN, limited("token"))
    assert host.route(KNOWN, limited("known"))
    assert host.route(ADDRESS, f"passes address\nservice metadata\naddress {address}".encode())
    assert host.route(OPEN, b"passes open")
    assert host.route(NOBODY, b"passes nobody")


def checked(
    token: bytes,
    *,
    tenant: bytes = b"acme",
    client: bytes = b"app",
    scope: bytes = b"metadata.read",
    expires_s: int = NEVER_S,
) -> Headers:
    """The headers of a request whose token jwt_authn has let pass."""
    said = {b"user": b"ada", b"tenant": tenant, b"client": client, b"scope": scope, b"expires": b"%d" % expires_s}
    return [(b"authorization", token), *((b"x-platform-" + name, value) for name, value in said.items() if value)]


def let_pass(
    host: Host, token: bytes, *, keys: bytes = KEYS, expires_s: int = NEVER_S, tenant: bytes = b"acme"
) -> Outcome:
    """A request that jwt_authn has let pass with these keys."""
    return host.request(TOKEN, checked(token, expires_s=expires_s, tenant=tenant), keys=[keys])


def is_known(host: Host, sent: Headers) -> bool:
    """Whether a request is told its tenant before it is routed."""
    return any(name == b"x-platform-tenant" for name, _ in host.early(sent))
