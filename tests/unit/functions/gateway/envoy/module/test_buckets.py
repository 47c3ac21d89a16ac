"""Who is admitted: by a model of the buckets, in which every tenant and every client has one of its own."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.functions.gateway.envoy.module import limits
from tests.unit.functions.gateway.envoy.module.driver import JUMP_S, Host, Outcome
from tests.unit.functions.gateway.envoy.module.limits import ADDRESS, KEYS, checked, configure, limited

quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

SERVICES = ("metadata", "console")
TENANTS = (b"acme", b"metadata", b"console", b"globex")
"""Tenants may be named as services are."""
CLIENTS = (b"", b"app", b"console", b"metadata")
NEARLY = 1e-6
numbers, few = st.integers(1, 40), st.integers(1, 5)


@dataclass
class Bucket:
    """A token bucket, full at first."""

    rate: float
    size: float
    at_s: float
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.size

    def filled(self, now_s: float) -> float:
        self.level = min(self.size, self.level + (now_s - self.at_s) * self.rate)
        self.at_s = now_s
        return self.level


def ask(host: Host, route: int, tenant: bytes, client: bytes = b"", scope: bytes = b"metadata.read") -> Outcome:
    return host.request(route, checked(b"Bearer token", tenant=tenant, client=client, scope=scope), keys=[KEYS])


def admitted(outcomes: Iterator[Outcome]) -> int:
    """How many pass until one is refused, which says when to come again."""
    passed = 0
    for outcome in outcomes:
        if outcome.status == 429:
            assert int(dict(outcome.answered)[b"retry-after"]) >= 1
            return passed
        assert outcome.passed
        passed += 1
    return passed


@given(rate=numbers, burst=numbers, instances=st.integers(1, 60))
@quick
def test_at_one_moment_an_instance_admits_its_part_of_a_burst_and_one_at_least(
    host: Host, rate: int, burst: int, instances: int
) -> None:
    host.later(JUMP_S)
    host.settings(limits.settings(instances=instances))
    host.route(0, limited("token", tiers=f"{rate} {burst}"))
    assert admitted(ask(host, 0, b"acme") for _ in range(50)) == max(1, int(burst / instances + 1e-9))


@given(
    limit=st.tuples(few, few),
    of_client=st.tuples(few, few),
    instances=st.integers(1, 3),
    calls=st.lists(
        st.tuples(
            st.sampled_from([0, 0, 0, 0, 8, 250, 4000]),
            st.sampled_from((0, 1)),
            st.sampled_from(TENANTS),
            st.sampled_from(CLIENTS),
        ),
        max_size=120,
    ),
)
@quick
def test_a_request_is_counted_in_its_tenants_and_its_clients_bucket_or_in_none_and_in_nobody_elses(
    host: Host,
    limit: tuple[int, int],
    of_client: tuple[int, int],
    instances: int,
    calls: list[tuple[int, int, bytes, bytes]],
) -> None:
    host.later(JUMP_S)
    host.settings(limits.settings(instances=instances))
    tiers = "\n".join(f"tier {tier} {limit[0]} {limit[1]} {of_client[0]} {of_client[1]}" for tier in range(3))
    for number, service in enumerate(SERVICES):
        host.route(number, f"passes token\nscope metadata.read\nservice {service}\n{tiers}".encode())
    model: dict[tuple[int | bytes, ...], Bucket] = {}
    for wait_ms, service_at, tenant, client in calls:
        host.later(wait_ms / 1000)
        now_s = host.up_ms / 1000
        found = []
        for key, (rate, burst) in (((service_at, tenant), limit), ((service_at, tenant, client), of_client)):
            if len(key) == 2 or client:
                fresh = Bucket(rate / instances, max(1, burst / instances), now_s)
                found.append(model.setdefault(key, fresh))
        outcome = ask(host, service_at, tenant, client)
        left = min(bucket.filled(now_s) for bucket in found)
        if abs(left - 1) > NEARLY:
            assert outcome.passed == (left > 1), (tenant, client, left)
        for bucket in found:
            bucket.level -= outcome.passed
            assert bucket.level > -NEARLY


@pytest.mark.parametrize("client", CLIENTS)
def test_a_tenant_named_like_the_service_is_limited_as_all_are(host: Host, client: bytes) -> None:
    host.settings(limits.settings())
    host.route(0, limited("token", "metadata", tiers="1 3"))
    assert admitted(ask(host, 0, b"metadata", client) for _ in range(10)) == 3


def test_tenants_and_services_of_swapped_names_have_buckets_of_their_own(host: Host) -> None:
    host.settings(limits.settings())
    host.route(0, limited("token", "metadata", tiers="1 3"))
    host.route(1, limited("token", "console", tiers="1 3"))
    assert admitted(ask(host, 0, b"console") for _ in range(10)) == 3
    assert admitted(ask(host, 1, b"metadata") for _ in range(10)) == 3


@given(
    bursts=st.lists(numbers, min_size=3, max_size=3),
    standing=st.sampled_from([None, 0, 1, 2]),
    own=st.none() | numbers,
    others=st.lists(
        st.sampled_from(["tenant a 0", "tenant zz 2", "bucket acme console 9 9", "bucket z metadata 8 8 7 7"])
    ),
    of_client=st.sampled_from(["", " 1 3", " 1 1000"]),
)
@quick
def test_a_tenant_has_its_tiers_limit_unless_it_has_a_bucket_of_its_own_with_the_service(
    host: Host, bursts: list[int], standing: int | None, own: int | None, others: list[str], of_client: str
) -> None:
    host.later(JUMP_S)
    lines = list(others)
    lines += [] if standing is None else [f"tenant acme {standing}"]
    lines += [] if own is None else [f"bucket acme metadata 1 {own}{of_client}"]
    assert host.settings(limits.settings(*reversed(lines)))
    tiers = "\n".join(f"tier {number} 1 {burst} 1 1000" for number, burst in enumerate(bursts))
    assert host.route(0, f"passes token\nscope metadata.read\nservice metadata\n{tiers}".encode())
    expected = bursts[1 if standing is None else standing] if own is None else min(own, 3 if "3" in of_client else own)
    assert admitted(ask(host, 0, b"acme", b"app") for _ in range(50)) == expected


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        (b"203.0.113.7:1", b"203.0.113.7:2", True),
        (b"203.0.113.7:1", b"203.0.113.8:1", False),
        (b"[2001:db8::1]:1", b"[2001:db8::1]:65535", True),
        (b"[2001:db8::1]:1", b"[2001:db8::2]:1", False),
        (None, b"", True),
    ],
)
def test_an_address_is_counted_without_its_port(host: Host, first: bytes, second: bytes, shared: bool) -> None:
    configure(host, address="1 4")
    assert admitted(host.request(ADDRESS, address=first) for _ in range(10)) == 4
    assert admitted(host.request(ADDRESS, address=second) for _ in range(10)) == (0 if shared else 4)


@given(rate=numbers, burst=numbers)
@quick
def test_a_refused_request_may_come_again_when_it_is_told_to(host: Host, rate: int, burst: int) -> None:
    host.later(JUMP_S)
    configure(host, unrouted=f"{rate} {burst}")
    assert admitted(host.request() for _ in range(50)) == burst
    host.later(int(dict(host.request().answered)[b"retry-after"]))
    assert host.request().passed
